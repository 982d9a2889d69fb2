namespace StableDiffusion.Batches;

/// <summary>How the work on an image ended.</summary>
public enum JournalStatus
{
    /// <summary>The image was made.</summary>
    Made,

    /// <summary>An earlier run had made it with the very settings.</summary>
    Unchanged,

    /// <summary>There was an error.</summary>
    Failed,
}
