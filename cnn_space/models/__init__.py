"""One paper, one file: nothing but the nets and their builders."""
