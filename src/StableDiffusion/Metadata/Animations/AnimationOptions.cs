namespace StableDiffusion.Metadata.Animations;

/// <summary>Options for writing an animation.</summary>
public sealed record AnimationOptions
{
    /// <summary>The default of <see cref="Delay"/>.</summary>
    public const int DefaultDelay = 100;

    /// <summary>The shortest <see cref="Delay"/>.</summary>
    public const int ShortestDelay = 10;

    /// <summary>The longest <see cref="Delay"/>.</summary>
    public const int LongestDelay = 60_000;

    /// <summary>The highest <see cref="Loop"/>.</summary>
    public const int MostLoops = 65_535;

    private readonly int _delay = DefaultDelay;
    private readonly int _loop;

    /// <summary>How long each frame is shown, in milliseconds, 10 to 60,000; GIF rounds it to hundredths of a second.</summary>
    /// <exception cref="InvalidSettingException">The value is out of range.</exception>
    public int Delay
    {
        get => _delay;
        init => _delay = value is >= ShortestDelay and <= LongestDelay
            ? value
            : throw new InvalidSettingException(nameof(Delay), $"A delay of {value} milliseconds is not between {ShortestDelay} and {LongestDelay}.");
    }

    /// <summary>How many times the animation is played, 0 to 65,535; 0 means without an end.</summary>
    /// <exception cref="InvalidSettingException">The value is out of range.</exception>
    public int Loop
    {
        get => _loop;
        init => _loop = value is >= 0 and <= MostLoops
            ? value
            : throw new InvalidSettingException(nameof(Loop), $"An animation can be played 1 to {MostLoops} times, or 0 for no end, and not {value} times.");
    }

    /// <summary>Whether an existing file is replaced.</summary>
    public bool Overwrite { get; init; }

    /// <summary>Whether the record of the frames is written to the file.</summary>
    public bool Metadata { get; init; } = true;
}
