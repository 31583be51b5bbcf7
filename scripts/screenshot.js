#!/usr/bin/env node
'use strict';
const { spawn, spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { setTimeout: sleep } = require('node:timers/promises');
const { root } = require('./lib/checkout');

const PICTURE = path.join(root, 'docs', 'images', 'gate.png');
const SIZE = { width: 1980, height: 1400 };
const GATE = /The run goes on waiting/;
/** Stands above the details when the worker has answered; the details themselves are in a frame. */
const SHOWN = 'Press the R for freshness';
const LINK = /http:\/\/\S+\/namespaces\/\S+\/workflows\/\S+/;

/** Makes docs/images/gate.png: the demo runs up to its gate, and Chromium looks at the run in Temporal Web. */
async function main() {
  const browser = findBrowser();
  const demo = spawn(process.execPath, [path.join(root, 'bin', 'trueup.js'), 'demo', '--keep'], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise((resolve) => demo.once('exit', resolve));
  try {
    console.log('Running the demo up to its gate …');
    const output = await untilGate(demo, ended);
    const page = await detailsPage(LINK.exec(output)[0]);
    console.log(`Looking at ${page}`);
    await takePicture(browser, page);
    console.log(`Wrote ${path.relative(root, PICTURE)}: look at it before you commit it.`);
  } finally {
    demo.kill('SIGINT');
    await ended;
  }
}

function findBrowser() {
  const names = [process.env.CHROMIUM, 'chromium', 'chromium-browser', 'google-chrome'].filter(Boolean);
  const found = names.find((name) => spawnSync(name, ['--version']).status === 0);
  if (found) return found;
  throw new Error('No Chromium was found: install one, or name it in the variable CHROMIUM.');
}

/** The demo says so when the run waits; it then leaves everything up until it is stopped. */
function untilGate(demo, ended) {
  return new Promise((resolve, reject) => {
    let output = '';
    demo.stdout.setEncoding('utf8').on('data', (text) => {
      output += text;
      if (GATE.test(output)) resolve(output);
    });
    ended.then((code) => reject(new Error(`the demo ended with ${code} before its gate:\n${output}`)));
  });
}

/** The page of a run that shows its current details in full; its address needs the ID of the execution. */
async function detailsPage(link) {
  const url = new URL(link);
  const answer = await globalThis.fetch(`${url.origin}/api/v1${url.pathname}`);
  const { workflowExecutionInfo } = await answer.json();
  return `${link}/${workflowExecutionInfo.execution.runId}/user-metadata`;
}

async function takePicture(command, page) {
  const browser = startBrowser(command);
  try {
    const { targetId } = await browser.send('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await browser.send('Target.attachToTarget', { targetId, flatten: true });
    const send = (method, params) => browser.send(method, params, sessionId);
    await send('Emulation.setDeviceMetricsOverride', { ...SIZE, deviceScaleFactor: 1, mobile: false });
    await send('Page.navigate', { url: page });
    await untilShown(send);
    const { data } = await send('Page.captureScreenshot', { format: 'png' });
    fs.mkdirSync(path.dirname(PICTURE), { recursive: true });
    fs.writeFileSync(PICTURE, Buffer.from(data, 'base64'));
  } finally {
    await browser.stop();
  }
}

/** The page asks the worker for the details, which takes it a moment. */
async function untilShown(send) {
  const expression = `document.body.innerText.includes(${JSON.stringify(SHOWN)})`;
  for (let tries = 0; tries < 60; tries += 1) {
    const { result } = await send('Runtime.evaluate', { expression, returnByValue: true });
    await sleep(500);
    if (result.value === true) return await sleep(4_000);
  }
  throw new Error(`the page did not show "${SHOWN}" within 30 s`);
}

/** Chromium with its DevTools protocol on two pipes: JSON messages that end in a zero byte. */
function startBrowser(command) {
  const profile = fs.mkdtempSync(path.join(os.tmpdir(), 'trueup-chromium-'));
  const flags = [
    '--headless',
    '--no-sandbox',
    '--disable-gpu',
    '--no-first-run',
    '--hide-scrollbars',
    '--disable-sync',
  ];
  const quiet = ['--disable-quic', '--disable-background-networking', '--disable-component-update'];
  const args = [...flags, ...quiet, '--remote-debugging-pipe', `--user-data-dir=${profile}`];
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const [, , , input, output] = child.stdio;
  const waiting = new Map();
  let [last, received] = [0, ''];
  output.setEncoding('utf8').on('data', (text) => {
    const messages = (received + text).split('\0');
    received = messages.pop();
    for (const { id, result, error } of messages.map((message) => JSON.parse(message))) {
      const call = waiting.get(id);
      waiting.delete(id);
      if (error) call?.reject(new Error(error.message));
      else call?.resolve(result);
    }
  });
  const fail = () => waiting.forEach(({ reject }) => reject(new Error('Chromium ended early')));
  ended.then(fail);
  return {
    send: (method, params = {}, sessionId = undefined) =>
      new Promise((resolve, reject) => {
        waiting.set((last += 1), { resolve, reject });
        input.write(`${JSON.stringify({ id: last, method, params, sessionId })}\0`);
      }),
    stop: async () => {
      child.kill('SIGTERM');
      await ended;
      // Processes of Chromium's own may still be writing to it.
      fs.rmSync(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 });
    },
  };
}

main().catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
