/** Mini-secrets of the well-known development accounts. @see protocol 07 §8 */
export const ALICE = {
  seed: "e5be9a5092b81bca64be81d212e7f2f9eba183bb7a90954f7b76361f6edb5c0a",
  address: "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY",
};
export const BOB = {
  seed: "398f0c28f98885e046333d4a41c19cee4c37368a9832c6502f6cfd182e2aef89",
  address: "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty",
};
export const CHARLIE = { address: "5FLSigC9HGRKVhB9FiEo4Y3koPsNmBmLJbpXg2mp1hXcS59Y" };
