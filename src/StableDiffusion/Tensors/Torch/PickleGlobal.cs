namespace StableDiffusion.Tensors.Torch;

/// <summary>A function or class that a file of tensors may name. It is only ever a name: nothing behind it is loaded.</summary>
/// <param name="Name">Its full name, such as <c>torch.FloatStorage</c>.</param>
/// <param name="Kind">What the reader makes of it.</param>
/// <param name="ElementType">The type of a storage's values or of a dtype; null for types that cannot be read.</param>
internal sealed record PickleGlobal(string Name, PickleGlobalKind Kind, StoredElementType? ElementType = null);
