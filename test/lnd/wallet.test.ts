/** The lnd wallet keeps the laws of every wallet, with real nodes on both ends. */
import { walletContract } from "l8nt/testing";
import { lndWallet } from "l8nt/wallets/lnd";
import { afterAll, test } from "vitest";
import { until } from "./support/program.ts";
import { payee, payer, SERVICE_METHODS, settled, TREASURY_METHODS } from "./support/stage.ts";
import { Wire } from "./support/wire.ts";

const wires = { payer: new Wire(payer.facts.ports.rest), payee: new Wire(payee.facts.ports.rest) };
const eachWire = (act: (wire: Wire) => Promise<void>) => Promise.all(Object.values(wires).map(act));
await eachWire((wire) => wire.open());
afterAll(() => eachWire((wire) => wire.close()));
const macaroons = {
  payer: await payer.bake(...TREASURY_METHODS),
  payee: await payee.bake(...SERVICE_METHODS),
};
const wallets = {
  payer: lndWallet(payer.walletUrl(macaroons.payer, wires.payer.port)),
  invoicer: lndWallet(payee.walletUrl(macaroons.payee, wires.payee.port)),
};

walletContract(test, {
  name: "the lnd wallet, with the least rights",
  setup: async () => {
    await settled();
    return {
      ...wallets,
      network: "bcrt",
      secrets: Object.values(macaroons),
      teardown: async () => {},
    };
  },
  powers: {
    routingFees: true,
    balanceMsat: () => payer.spendableMsat(),
    loseReply: async () => {
      const { length } = await payer.payments();
      const isMade = async () => (await payer.payments()).length > length;
      wires.payer.loseNextAnswer(() =>
        until("the payment", isMade)
          .then(settled)
          .then(() => {}),
      );
    },
    stick: async () => {
      payee.pause();
      return {
        arrive: async () => {
          payee.resume();
          await settled();
        },
      };
    },
    unplug: async () => {
      await eachWire((wire) => wire.close());
      return async () => void (await eachWire((wire) => wire.open()));
    },
  },
});
