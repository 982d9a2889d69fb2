namespace StableDiffusion.Prompts;

/// <summary>The effect of weights in a prompt; the names are A1111's.</summary>
public enum EmphasisMode
{
    /// <summary>Token vectors are multiplied by their weights, and all of them are scaled to restore the mean.</summary>
    Original,

    /// <summary>Token vectors are multiplied by their weights.</summary>
    NoNorm,

    /// <summary>Weights are parsed, but have no effect.</summary>
    Ignore,

    /// <summary>Weights are not parsed; brackets are text.</summary>
    None,
}
