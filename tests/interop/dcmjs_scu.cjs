// dcmjs-dimse as a user: PORT CALLED_AE [FILE...], an echo and then a store of each file; prints the statuses.
"use strict";

const { Client, log, requests } = require("dcmjs-dimse");

const [port, called, ...files] = process.argv.slice(2);
const client = new Client();
log.disableAll();

function add(name, request) {
  request.on("response", (response) => {
    const status = response.getStatus().toString(16).toUpperCase().padStart(4, "0");
    console.log(`${name} ${status}`);
  });
  client.addRequest(request);
}

add("echo", new requests.CEchoRequest());
for (const file of files) {
  add("store", new requests.CStoreRequest(file));
}
client.on("networkError", (error) => {
  console.log(`network error: ${error.message}`);
  process.exitCode = 1;
});
client.on("associationRejected", (result) => {
  console.log(`rejected ${result.result} ${result.source} ${result.reason}`);
  process.exitCode = 1;
});
client.on("associationReleased", () => console.log("released"));
client.send("127.0.0.1", Number(port), "DCMJS", called);
