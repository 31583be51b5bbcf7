import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { MockActivityEnvironment } from '@temporalio/testing';
import { sendAlert } from '../../activities/job';
import { Resources } from '../../activities/resources';
import type { Alert } from '../../contracts/job';

const ALERT: Alert = {
  id: 'job-1',
  job: 'comprehensiveReconciliation',
  runId: 'run-1',
  workflowId: 'job-1',
  status: 'inconsistent',
  highSeverity: 3,
  remaining: 3,
  findings: [],
  error: null,
  text: 'comprehensiveReconciliation ended inconsistent',
  at: '2024-01-01T00:00:00.000Z',
};

/** A web server that says what it was sent. */
class Receiver {
  readonly bodies: string[] = [];
  answer: (request: IncomingMessage, response: ServerResponse) => void = (_, response) => response.writeHead(204).end();
  url = '';
  readonly #server: Server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      this.bodies.push(`${request.method} ${body}`);
      this.answer(request, response);
    });
  });

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}

describe('an alert', () => {
  const webhook = new Receiver();
  const elsewhere = new Receiver();
  const resources = new Resources({ configPath: 'none.yaml', concurrency: 1, searchAttributes: false });
  const before = process.env['TRUEUP_ALERT_WEBHOOK'];
  beforeAll(() => Promise.all([webhook.listen(), elsewhere.listen()]));
  beforeEach(() => {
    for (const { bodies } of [webhook, elsewhere]) bodies.length = 0;
  });
  afterAll(async () => {
    if (before === undefined) delete process.env['TRUEUP_ALERT_WEBHOOK'];
    else process.env['TRUEUP_ALERT_WEBHOOK'] = before;
    await Promise.all([webhook.close(), elsewhere.close(), resources.close()]);
  });

  const send = async (url: string | undefined): Promise<unknown> => {
    if (url === undefined) delete process.env['TRUEUP_ALERT_WEBHOOK'];
    else process.env['TRUEUP_ALERT_WEBHOOK'] = url;
    const sent = new MockActivityEnvironment().run(() => sendAlert(resources, ALERT));
    return sent.then(
      () => 'sent',
      (error: unknown) => error,
    );
  };
  const refused = { code: 'ALERT_NOT_SENT', message: expect.not.stringContaining('s3cr3t') as string };

  it('is sent to the webhook, as it is', async () => {
    webhook.answer = (_, response) => response.writeHead(200).end('ok');
    expect(await send(`${webhook.url}/hook?token=s3cr3t`)).toBe('sent');
    expect(webhook.bodies).toEqual([`POST ${JSON.stringify(ALERT)}`]);
  });

  it.each([301, 302, 303, 307, 308])('is not sent on to where an answer with %d says', async (status) => {
    webhook.answer = (_, response) => response.writeHead(status, { location: `${elsewhere.url}/taken` }).end();
    expect(await send(`${webhook.url}/hook?token=s3cr3t`)).toMatchObject(refused);
    expect(webhook.bodies).toHaveLength(1);
    expect(elsewhere.bodies).toEqual([]);
  });

  it('is not taken for sent where the same server says to ask again elsewhere', async () => {
    webhook.answer = ({ url }, response) =>
      url === '/login'
        ? response.writeHead(200).end('who are you?')
        : response.writeHead(302, { location: '/login' }).end();
    expect(await send(`${webhook.url}/hook?token=s3cr3t`)).toMatchObject(refused);
    expect(webhook.bodies).toHaveLength(1);
  });

  it.each([400, 404, 500, 503])('is not taken for sent where the answer is %d', async (status) => {
    webhook.answer = (_, response) => response.writeHead(status).end('s3cr3t');
    expect(await send(`${webhook.url}/hook?token=s3cr3t`)).toMatchObject({
      ...refused,
      message: `the webhook did not take the alert: status ${status}`,
    });
  });

  it('names no part of an address that cannot be reached or read', async () => {
    for (const url of ['http://127.0.0.1:1/s3cr3t', 's3cr3t', 'http://u:s3cr3t@127.0.0.1/x', 'file:///s3cr3t']) {
      expect(await send(url)).toMatchObject(refused);
    }
  });

  it.each([undefined, '', ' '])('goes nowhere without an address: %p', async (url) => {
    expect(await send(url)).toBe('sent');
    expect([webhook.bodies, elsewhere.bodies]).toEqual([[], []]);
  });
});
