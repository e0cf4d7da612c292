"""The network below the head: `table` lists them, `network` computes with one, `features` keeps what it saw."""
