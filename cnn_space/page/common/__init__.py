"""What the tabs share, and how a tab is built.

``layout.py`` creates a tab's components and wires its events. ``handlers.py`` holds a dataclass
whose fields are those components and whose methods are the event handlers: values in, ``{component:
value}`` out (``return {self.answer: html}``; a component that is not named keeps its value, and
``gr.skip()`` alone changes nothing). ``view.py`` turns records into HTML through the templates in
``templates/``; it knows no Gradio. A test needs no page: ``by_name(Tab)`` of tests/visitors.py lets
each component stand in by its name, so that ``tab.show(...)["answer"]`` is what the page shows.
"""
