/**
 * Loaded into a worker that a command started: when that command is gone, even by SIGKILL, the worker shuts down in
 * order instead of working on unseen.
 */
process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
// Waiting for the parent's end must not by itself keep the worker alive.
process.channel?.unref();
