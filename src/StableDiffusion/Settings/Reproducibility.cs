namespace StableDiffusion.Settings;

/// <summary>How far something can be made again from its record, with the same models, adapters and start images.</summary>
public enum Reproducibility
{
    /// <summary>Not at all: nothing is recorded, or a script changed the values between two stages.</summary>
    None,

    /// <summary>Only the settings are known, such as those of another tool: a similar image, with other pixels.</summary>
    Statistical,

    /// <summary>All stages are recorded, but with other versions, another kind of processor or number of threads, a graphics card, or in a batch on the device: the same bytes are to be expected only there, and nearly the same ones here.</summary>
    Device,

    /// <summary>All stages are recorded with these versions, this kind of processor and this number of threads: the same bytes here.</summary>
    Exact,
}
