package dev.drover.controlplane.api;

import dev.drover.controlplane.api.Views.View;
import java.util.List;
import java.util.Map;

/**
 * One text frame of {@code /v1/watch}.
 *
 * @param type {@code snapshot}: everything there is, forget what you knew; {@code change}: replace and drop by id
 * @param revision of the store that this shows
 * @param put resources by kind: {@code environments}, {@code hosts}, {@code stacks}, {@code services}, {@code containers}
 * @param remove ids by kind
 */
record WatchMessage(String type, long revision, Map<String, List<View>> put, Map<String, List<String>> remove) {}
