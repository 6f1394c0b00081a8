// A screen reader says what appears in this element.
element.ariaLive = "polite";
