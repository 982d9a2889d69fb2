namespace StableDiffusion.Adapters;

/// <summary>The layers of a model that an adapter changes.</summary>
/// <param name="lora">The LoRA.</param>
/// <param name="keys">All its layers.</param>
public sealed class AdapterReport(Lora lora, IReadOnlyList<AdapterKey> keys)
{
    /// <summary>The LoRA with its strengths.</summary>
    public Lora Lora { get; } = lora;

    /// <summary>The file's name without its extension.</summary>
    public string Name => Lora.Name;

    /// <summary>All its layers, in the order of their names.</summary>
    public IReadOnlyList<AdapterKey> Keys { get; } = keys;

    /// <summary>The number of layers that are changed.</summary>
    public int Applied => Count(AdapterKeyState.Applied);

    /// <summary>The number of layers that are not changed because their strength is 0.</summary>
    public int Skipped => Count(AdapterKeyState.Skipped);

    /// <summary>The number of layers that the model does not have, or that are stored in an unknown form.</summary>
    public int Unmatched => Count(AdapterKeyState.Unmatched);

    /// <summary>The report as text.</summary>
    /// <returns>The text.</returns>
    public override string ToString() => PrintableText.Of($"{Name}: {Applied} layers applied, {Skipped} skipped, {Unmatched} unmatched");

    private int Count(AdapterKeyState state) => Keys.Count(key => key.State == state);
}
