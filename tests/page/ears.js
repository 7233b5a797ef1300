/**
 * Notes what a page really plays, and what the server tells it, with times of `performance.now`; and every sample of it,
 * by a node of its own (`recorder.js`), without times.
 */
(() => {
  /** @type {[number, number][]} when, and the RMS of what goes to the loudspeaker */
  window.heard = [];
  /** @type {[number, string, object][]} when, and each message's kind and body, but for audio */
  window.told = [];
  /** @type {Record<string, string[]>} the audio of each reply's messages */
  window.sent = {};
  /** @type {Float32Array[]} all that went to the loudspeaker */
  window.played = [];
  /** @type {Record<string, number>} how much of `played` there was when a reply was cancelled */
  window.playedUntil = {};
  /** @type {[number, object][]} when, and what the page reported as played */
  window.reported = [];
  /** @type {AudioContext[]} */
  window.contexts = [];

  const record = async (source) => {
    await source.context.audioWorklet.addModule(window.recorder);
    const recorder = new AudioWorkletNode(source.context, "recorder");
    recorder.port.onmessage = ({ data }) => window.played.push(data);
    connect.call(source, recorder);
  };

  const connect = AudioNode.prototype.connect;
  AudioNode.prototype.connect = function (target, ...rest) {
    if (!(target instanceof AudioDestinationNode)) return connect.call(this, target, ...rest);
    const analyser = new AnalyserNode(target.context, { fftSize: 512 });
    connect.call(this, analyser);
    connect.call(analyser, target);
    window.contexts.push(target.context);
    if (window.recorder) void record(this);
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
        if (kind === "replyCancelled") window.playedUntil[body.replyId] = window.played.length;
        if (kind === "replyAudio") (window.sent[body.replyId] ??= []).push(body.audio);
      });
    }

    send(message) {
      const { playback } = JSON.parse(message);
      if (playback) window.reported.push([performance.now(), playback]);
      super.send(message);
    }
  };
})();
