namespace StableDiffusion.Adapters;

/// <summary>What an adapter changes of a model.</summary>
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

    /// <summary>How many layers are changed.</summary>
    public int Applied => Count(AdapterKeyState.Applied);

    /// <summary>How many layers are left alone because their strength is 0.</summary>
    public int Skipped => Count(AdapterKeyState.Skipped);

    /// <summary>How many layers the model does not have, or cannot be read.</summary>
    public int Unmatched => Count(AdapterKeyState.Unmatched);

    /// <summary>The report in short.</summary>
    /// <returns>The text.</returns>
    public override string ToString() => $"{Name}: {Applied} layers applied, {Skipped} skipped, {Unmatched} unmatched";

    private int Count(AdapterKeyState state) => Keys.Count(key => key.State == state);
}
