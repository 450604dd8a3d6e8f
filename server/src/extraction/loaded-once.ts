/**
 * A module that is loaded when it is first asked for. To ask the engine's loader again takes as long as reading a note.
 */
export function loadedOnce<Module>(load: () => Promise<Module>): () => Promise<Module> {
  let loaded: Promise<Module> | null = null;
  return () => {
    loaded ??= load();
    return loaded;
  };
}
