namespace StableDiffusion.Tensors.Torch;

/// <summary>A function or class that a tensor file may name. It is only a name: nothing is loaded for it.</summary>
/// <param name="Name">Its full name, such as <c>torch.FloatStorage</c>.</param>
/// <param name="Kind">How the reader treats it.</param>
/// <param name="ElementType">The type of a storage's values or of a dtype; null for types that are not supported.</param>
internal sealed record PickleGlobal(string Name, PickleGlobalKind Kind, StoredElementType? ElementType = null);
