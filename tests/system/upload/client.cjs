// The real tus-js-client under Node: node client.cjs MODE ENDPOINT FILE FOLDER-OF-node_modules
// Prints one JSON object: the upload's address, the requests that were made, how often it went on.
const fs = require("node:fs");
const path = require("node:path");
const stream = require("node:stream");

const [mode, endpoint, file, modules] = process.argv.slice(2);
const tus = require(path.join(modules, "node_modules", "tus-js-client"));

const requests = [];
let resumed = 0;

function options(extra) {
  return {
    endpoint,
    retryDelays: [0, 200, 500, ...Array(60).fill(1000)],
    metadata: { filename: "../übel\u0007.mp4", filetype: "video/mp4", title: "A film" },
    onBeforeRequest: (request) => requests.push(request.getMethod()),
    onError: (error) => {
      console.error(String(error));
      process.exit(1);
    },
    ...extra,
  };
}

function done(upload) {
  console.log(JSON.stringify({ url: upload.url, requests, resumed }));
}

function plain() {
  const upload = new tus.Upload(fs.createReadStream(file), options({ onSuccess: () => done(upload) }));
  upload.start();
}

function parallel() {
  const upload = new tus.Upload(fs.createReadStream(file), options({ parallelUploads: 3, onSuccess: () => done(upload) }));
  upload.start();
}

// Without a length beforehand, as a camera or a pipe sends.
function deferred() {
  const camera = fs.createReadStream(file).pipe(new stream.PassThrough());
  const upload = new tus.Upload(
    camera,
    options({ uploadLengthDeferred: true, chunkSize: 300_000, onSuccess: () => done(upload) }),
  );
  upload.start();
}

// Breaks off after a third, forgets everything but the address, and goes on as a new client would.
function resume() {
  let stopped = false;
  const first = new tus.Upload(
    fs.createReadStream(file),
    options({
      chunkSize: 200_000,
      onChunkComplete: async (_size, sent, total) => {
        if (stopped || sent < total / 3) return;
        stopped = true;
        await first.abort();
        const second = new tus.Upload(
          fs.createReadStream(file),
          options({ uploadUrl: first.url, chunkSize: 200_000, onSuccess: () => done(second) }),
        );
        resumed += 1;
        second.start();
      },
    }),
  );
  first.start();
}

// Sends slowly and says so, so that the test can kill the server meanwhile; the client retries by itself.
function slow() {
  const upload = new tus.Upload(
    fs.createReadStream(file),
    options({
      chunkSize: 100_000,
      onChunkComplete: () => {
        fs.appendFileSync(`${file}.progress`, "x");
        const until = Date.now() + 60;
        while (Date.now() < until);
      },
      onShouldRetry: () => {
        resumed += 1;
        return true;
      },
      onSuccess: () => done(upload),
    }),
  );
  upload.start();
}

({ plain, parallel, deferred, resume, slow })[mode]();
