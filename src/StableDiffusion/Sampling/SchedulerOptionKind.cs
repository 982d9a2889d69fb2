namespace StableDiffusion.Sampling;

/// <summary>The kind of value that a scheduler's option accepts.</summary>
public enum SchedulerOptionKind
{
    /// <summary>True or false.</summary>
    Boolean,

    /// <summary>A whole number.</summary>
    Integer,

    /// <summary>A number.</summary>
    Number,

    /// <summary>One of a few words.</summary>
    Choice,

    /// <summary>A list of numbers.</summary>
    NumberList,
}
