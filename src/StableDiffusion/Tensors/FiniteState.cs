namespace StableDiffusion.Tensors;

/// <summary>Looks at the values of an object that change, and carries nothing.</summary>
internal sealed class FiniteState : StateTransfer
{
    /// <summary>Whether all values that were seen are finite.</summary>
    public bool IsFinite { get; private set; } = true;

    /// <inheritdoc/>
    public override StateTransfer Part(string name) => this;

    /// <inheritdoc/>
    public override void Count(string name, ref int value, int highest)
    {
    }

    /// <inheritdoc/>
    public override void Number(string name, ref double? value) => IsFinite &= value is null || double.IsFinite(value.Value);

    /// <inheritdoc/>
    public override void Bits(string name, Span<uint> words)
    {
    }

    /// <inheritdoc/>
    public override void Values(string name, ref float[]? values, int length, bool isRequired) => IsFinite &= values is null || TensorPrimitives.IsFiniteAll<float>(values);
}
