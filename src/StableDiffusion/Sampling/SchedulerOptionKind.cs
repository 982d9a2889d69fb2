namespace StableDiffusion.Sampling;

/// <summary>What kind of value a scheduler's option takes.</summary>
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
