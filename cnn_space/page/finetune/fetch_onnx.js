// The file has been written: its hidden button now has the address, a moment after this event.
() => setTimeout(() => document.querySelector("#ft-onnx-file")?.click(), 100);
