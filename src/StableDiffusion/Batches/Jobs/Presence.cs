namespace StableDiffusion.Batches.Jobs;

/// <summary>What is known of the workers of a job.</summary>
internal enum Presence
{
    /// <summary>Nothing: they cannot be asked for from here.</summary>
    Unknown,

    /// <summary>There are none any more.</summary>
    None,

    /// <summary>Some wait to be started.</summary>
    Waiting,

    /// <summary>One is there.</summary>
    Working,
}
