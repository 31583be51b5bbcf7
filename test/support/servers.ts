/** The servers that global-setup.ts started for this run of jest. */
export const servers = {
  get postgresUrl() {
    return read('TRUEUP_TEST_POSTGRES_URL');
  },
  get temporalAddress() {
    return read('TRUEUP_TEST_TEMPORAL_ADDRESS');
  },
  get temporalUi() {
    return read('TRUEUP_TEST_TEMPORAL_UI');
  },
  get temporalCli() {
    return read('TRUEUP_TEST_TEMPORAL_CLI');
  },
  get temporalTestServer() {
    return read('TRUEUP_TEST_TEMPORAL_TEST_SERVER');
  },
};

function read(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set: run this under jest, whose global setup sets it`);
  return value;
}
