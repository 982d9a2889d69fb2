namespace StableDiffusion.Tensors;

/// <summary>
/// Carries the values of an object that change into a file, or back. A class names its values once, in a method that serves
/// both directions, so that what is written and what is read cannot differ.
/// </summary>
internal abstract class StateTransfer
{
    /// <summary>A part of the state, whose names do not clash with those of other parts.</summary>
    /// <param name="name">Its name.</param>
    public abstract StateTransfer Part(string name);

    /// <summary>A count.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="value">The count, 0 or more.</param>
    /// <param name="highest">The highest value that the object can work with.</param>
    public abstract void Count(string name, ref int value, int highest);

    /// <summary>A number, or none.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="value">The finite number; null for none.</param>
    public abstract void Number(string name, ref double? value);

    /// <summary>Random bits.</summary>
    /// <param name="name">Their name.</param>
    /// <param name="words">The words; always the same number.</param>
    public abstract void Bits(string name, Span<uint> words);

    /// <summary>Values of a sample.</summary>
    /// <param name="name">Their name.</param>
    /// <param name="values">The values; null for none.</param>
    /// <param name="length">Their number.</param>
    /// <param name="isRequired">Whether the object cannot work without them.</param>
    public abstract void Values(string name, ref float[]? values, int length, bool isRequired);
}
