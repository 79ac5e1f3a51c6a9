package dev.drover.node.cli;

import picocli.CommandLine.Command;

/** {@code drover overlay}. */
@Command(
        name = "overlay",
        description = "The overlay of the node on this host.",
        subcommands = OverlayKeygenCommand.class)
public final class OverlayCommand extends ClientGroup {}
