// dcmjs-dimse in its roles: `send PORT FOLDER` and `listen FOLDER`. The last line of the output is JSON; a server first
// says on which port it listens, and runs until its standard input is closed.
"use strict";

const fs = require("fs");
const net = require("net");
const path = require("path");
const { Client, Scp, Server, constants, log, requests, responses } = require("dcmjs-dimse");

log.disableAll();
const say = (value) => fs.writeSync(1, `${JSON.stringify(value)}\n`);

function send(port, folder) {
  const files = fs.readdirSync(folder).sort();
  const client = new Client();
  let count = 0;
  for (const file of files) {
    const request = new requests.CStoreRequest(path.join(folder, file));
    request.on("response", (response) => {
      count += response.getStatus() === constants.Status.Success ? 1 : 0;
    });
    client.addRequest(request);
  }
  const start = process.hrtime.bigint();
  client.on("networkError", (error) => {
    throw error;
  });
  client.on("associationReleased", () => {
    const seconds = Number(process.hrtime.bigint() - start) / 1e9;
    if (count !== files.length) {
      throw new Error(`stored ${count} of ${files.length}`);
    }
    say({ seconds, count });
  });
  client.send("127.0.0.1", Number(port), "BENCH", "BENCH");
}

function listen(folder) {
  let count = 0;
  class Keeper extends Scp {
    associationRequested(association) {
      association.setMaxPduLength(131072);
      for (const { id } of association.getPresentationContexts()) {
        const context = association.getPresentationContext(id);
        context.setResult(constants.PresentationContextResult.Accept, context.getTransferSyntaxUids()[0]);
      }
      this.sendAssociationAccept();
    }

    cStoreRequest(request, callback) {
      const data = request.getDataset();
      data.toFile(path.join(folder, `${request.getAffectedSopInstanceUid()}.dcm`));
      count += 1;
      const response = responses.CStoreResponse.fromRequest(request);
      response.setStatus(constants.Status.Success);
      callback(response);
    }

    associationReleaseRequested() {
      this.sendAssociationReleaseResponse();
    }
  }

  const probe = net.createServer();
  probe.listen(0, "127.0.0.1", () => {
    const { port } = probe.address();
    probe.close(() => {
      const server = new Server(Keeper);
      server.listen(port, { host: "127.0.0.1" });
      const look = () => {
        const connection = net.connect(port, "127.0.0.1", () => {
          connection.destroy();
          say({ port });
        });
        connection.on("error", () => setTimeout(look, 20));
      };
      look();
    });
  });
  process.stdin.resume();
  process.stdin.on("end", () => {
    say({ count });
    process.exit(0);
  });
}

const [command, ...rest] = process.argv.slice(2);
({ send, listen })[command](...rest);
