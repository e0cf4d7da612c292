// Sends files one by one, some at a time, each again by itself while the connection fails.

const AT_A_TIME = 3;
const AGAIN_AFTER_MS = [1000, 3000];
// What a web server in front says when there is nobody behind it, and Ocellus when its disk or
// database is away: the same may be taken in a moment.
const AWAY = new Set([0, 502, 503, 504]);

// `job`: what becomes of it is told to its callbacks, the last of which is `done(outcome)`. An outcome
// has `answer`, what the server has made of the file; or `sentence` and whether it `mayRetry`.
export class Sender {
  constructor(texts, token) {
    this.texts = texts;
    this.token = token;
    this.waiting = [];
    this.running = new Map();
    this.isKnown = false; // whether the server has taken one yet
    this.isStale = false; // whether the token is no longer good
  }

  get isBusy() {
    return this.waiting.length > 0 || this.running.size > 0;
  }

  add(job) {
    this.waiting.push({ ...job, attempt: 0 });
    this.next();
  }

  // By its `key`; whatever the server has got of it by now.
  drop(key) {
    this.waiting = this.waiting.filter((job) => job.key !== key);
    const stop = this.running.get(key);
    this.running.delete(key);
    stop?.();
    this.next();
  }

  next() {
    // Whoever is nobody yet becomes somebody by the first file: one, and not three.
    const most = this.isKnown ? AT_A_TIME : 1;
    while (this.waiting.length && this.running.size < most) {
      this.send(this.waiting.shift());
    }
  }

  async send(job) {
    const request = new XMLHttpRequest();
    this.running.set(job.key, () => request.abort());
    if (this.isStale) await this.renew();
    if (!this.running.has(job.key)) return; // removed meanwhile
    request.open("POST", job.address);
    request.setRequestHeader("Accept", "application/json");
    request.setRequestHeader("X-CSRFToken", this.token);
    request.responseType = "text";
    request.upload.onprogress = (event) => {
      if (event.lengthComputable) job.progress(event.loaded / event.total);
    };
    request.upload.onload = () => job.progress(1);
    request.onload = request.onerror = () => {
      if (this.running.has(job.key)) this.heard(job, request);
    };
    const body = new FormData();
    for (const [name, value] of Object.entries(job.fields)) body.append(name, value);
    request.send(body);
    job.progress(0);
  }

  // Whoever has signed in anew, on another page, has a new token.
  async renew() {
    const page = await fetch(location.pathname).then((response) => response.text(), () => "");
    const form = new DOMParser().parseFromString(page, "text/html").getElementById("upload");
    if (!form) return;
    this.token = form.elements.csrfmiddlewaretoken.value;
    this.isStale = false;
  }

  heard(job, request) {
    const wait = AGAIN_AFTER_MS[job.attempt];
    if (AWAY.has(request.status) && wait !== undefined) {
      job.again();
      const timer = setTimeout(() => this.send({ ...job, attempt: job.attempt + 1 }), wait);
      this.running.set(job.key, () => clearTimeout(timer));
      return;
    }
    this.running.delete(job.key);
    job.done(this.outcome(request));
    this.next();
  }

  outcome(request) {
    const { status } = request;
    const isJson = (request.getResponseHeader("Content-Type") ?? "").startsWith("application/json");
    const answer = isJson ? JSON.parse(request.responseText) : {};
    if (status === 201) {
      this.isKnown = true;
      this.token = answer.token;
      return { answer };
    }
    if (answer.problem) {
      const isTaken = status === 409;
      return { sentence: answer.problem, mayRetry: status >= 500 || isTaken, isTaken };
    }
    if (AWAY.has(status)) return { sentence: this.texts.textAway, mayRetry: true };
    // A page instead: that of signing in, or of a form whose token is no longer good.
    const isSignedOut = status === 200 || status === 403;
    this.isStale = isSignedOut;
    const sentence = isSignedOut ? this.texts.textSignedOut : this.texts.textFailed;
    return { sentence, mayRetry: true };
  }
}
