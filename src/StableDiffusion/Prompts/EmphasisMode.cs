namespace StableDiffusion.Prompts;

/// <summary>What weights in a prompt do, by A1111's names.</summary>
public enum EmphasisMode
{
    /// <summary>Embeddings are multiplied by their weights, and all of them by what brings their mean back.</summary>
    Original,

    /// <summary>Embeddings are multiplied by their weights.</summary>
    NoNorm,

    /// <summary>Weights are read and have no effect.</summary>
    Ignore,

    /// <summary>Brackets are text like any other.</summary>
    None,
}
