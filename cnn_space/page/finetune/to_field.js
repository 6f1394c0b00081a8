/* After a click on Train: to the field that keeps it from beginning, if there is one. */
() => document.querySelector("#ft-advanced [aria-invalid=true]")?.focus()
