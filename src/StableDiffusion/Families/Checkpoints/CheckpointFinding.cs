namespace StableDiffusion.Families.Checkpoints;

/// <summary>Kinds of things that are worth telling of a file and do not keep it from being used.</summary>
internal enum CheckpointFindingKind
{
    /// <summary>How the weights are stored.</summary>
    StoredAs,

    /// <summary>The file holds no averaged weights, and nothing else that only training needs.</summary>
    Pruned,

    /// <summary>Averaged (EMA) weights are there and left alone.</summary>
    EmaIgnored,

    /// <summary>Averaged (EMA) weights are taken.</summary>
    EmaUsed,

    /// <summary>There is no autoencoder.</summary>
    VaeMissing,

    /// <summary>The numbers of a text's positions are missing; they are always the same and not needed.</summary>
    PositionIdsMissing,

    /// <summary>The numbers of a text's positions are damaged; they are always the same and not needed.</summary>
    PositionIdsDamaged,

    /// <summary>Tensors that no part of the model has.</summary>
    ExtraTensors,

    /// <summary>What the U-Net predicts, read from the file or assumed.</summary>
    PredictionType,

    /// <summary>The file's name or title speaks of a distilled model, which its weights cannot show.</summary>
    Distilled,
}

/// <summary>Something that is worth telling of a file.</summary>
/// <param name="Kind">What it is about.</param>
/// <param name="Text">It in words, for a person.</param>
internal sealed record CheckpointFinding(CheckpointFindingKind Kind, string Text);
