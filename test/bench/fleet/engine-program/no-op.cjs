"use strict";

/** Resources that do nothing. */
exports.handler = () => ({
  create: async (inputs) => ({ id: inputs.label, outs: inputs }),
  read: async (id, props) => ({ id, props }),
  diff: async () => ({ changes: false }),
});
