/** Notes what a page really plays, and what the server tells it, with times of `performance.now`. */
(() => {
  /** @type {[number, number][]} when, and the RMS of what goes to the loudspeaker */
  window.heard = [];
  /** @type {[number, string, object][]} when, and each message's kind and body, but for audio */
  window.told = [];

  const connect = AudioNode.prototype.connect;
  AudioNode.prototype.connect = function (target, ...rest) {
    if (!(target instanceof AudioDestinationNode)) return connect.call(this, target, ...rest);
    const analyser = new AnalyserNode(target.context, { fftSize: 512 });
    connect.call(this, analyser);
    connect.call(analyser, target);
    const samples = new Float32Array(512);
    setInterval(() => {
      if (target.context.state !== "running") return;
      analyser.getFloatTimeDomainData(samples);
      window.heard.push([performance.now(), Math.sqrt(samples.reduce((sum, x) => sum + x * x, 0) / samples.length)]);
    }, 20);
    return target;
  };

  window.WebSocket = class extends WebSocket {
    constructor(...parameters) {
      super(...parameters);
      this.addEventListener("message", ({ data }) => {
        const { requestId, ...members } = JSON.parse(data);
        const [kind, body] = Object.entries(members)[0];
        window.told.push([performance.now(), kind, kind === "replyAudio" ? { replyId: body.replyId } : body]);
      });
    }
  };
})();
