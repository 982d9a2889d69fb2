namespace StableDiffusion.Adapters;

/// <summary>A layer of an adapter.</summary>
/// <param name="Name">The layer as the file names it.</param>
/// <param name="Layer">The model's layer; null if there is none.</param>
/// <param name="Kind">The form of the change, such as <c>LoRA</c> or <c>LoKr</c>.</param>
/// <param name="State">Whether it was applied.</param>
public sealed record AdapterKey(string Name, string? Layer, string Kind, AdapterKeyState State);
