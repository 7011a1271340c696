// Search runs in a worker, and browsers start none for a page that was opened from a file. There, an empty frame of the
// page runs the worker's script, and the two exchange messages as a page and its worker do.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(address) {
      super()
      this.onmessage = this.onerror = null
      this.waiting = []
      const frame = document.createElement("iframe")
      frame.hidden = true
      document.body.append(frame)
      this.inner = frame.contentWindow
      const page = frame.contentDocument
      page.open()
      page.write("<!doctype html><body></body>")
      page.close()
      this.inner.postMessage = data => setTimeout(() => this.answer(data))
      const script = page.createElement("script")
      script.src = new URL(address, location.href).href
      script.onload = () => {
        for (const data of this.waiting) this.send(data)
        this.waiting = null
      }
      page.body.append(script)
    }
    postMessage(data) {
      if (this.waiting) this.waiting.push(data)
      else this.send(data)
    }
    send(data) {
      setTimeout(() => this.inner.dispatchEvent(new this.inner.MessageEvent("message", { data })))
    }
    answer(data) {
      const event = new MessageEvent("message", { data })
      this.dispatchEvent(event)
      if (this.onmessage) this.onmessage(event)
    }
    terminate() {}
  }
}
