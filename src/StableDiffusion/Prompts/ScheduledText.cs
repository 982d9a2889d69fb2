namespace StableDiffusion.Prompts;

/// <summary>The text of a scheduled prompt up to a step.</summary>
internal sealed class ScheduledText
{
    private readonly SourceMap? _map;

    internal ScheduledText(int untilStep, string text, SourceMap? map)
    {
        UntilStep = untilStep;
        Text = text;
        _map = map;
    }

    /// <summary>The last step, counted from 1, at which the text is in force; it follows the entry before.</summary>
    public int UntilStep { get; }

    /// <summary>The prompt with its schedules resolved; it still contains emphasis and escapes.</summary>
    public string Text { get; }

    /// <summary>Returns the index in the scheduled prompt of a character of <see cref="Text"/>.</summary>
    /// <param name="index">The character's index in <see cref="Text"/>.</param>
    /// <returns>The index in the prompt.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The text has no such character.</exception>
    public int SourceIndex(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Text.Length);
        return _map is null ? index : _map[index];
    }

    /// <inheritdoc/>
    public override string ToString() => $"{UntilStep}: {Text}";
}
