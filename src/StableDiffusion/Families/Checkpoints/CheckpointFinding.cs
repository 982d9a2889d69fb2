namespace StableDiffusion.Families.Checkpoints;

/// <summary>Kinds of findings about a file that do not prevent its use.</summary>
internal enum CheckpointFindingKind
{
    /// <summary>How the weights are stored.</summary>
    StoredAs,

    /// <summary>The file holds no averaged (EMA) weights.</summary>
    Pruned,

    /// <summary>Averaged (EMA) weights are there and not used.</summary>
    EmaIgnored,

    /// <summary>Averaged (EMA) weights are used.</summary>
    EmaUsed,

    /// <summary>The autoencoder is missing.</summary>
    VaeMissing,

    /// <summary>The position ids are missing; they are always the same and not needed.</summary>
    PositionIdsMissing,

    /// <summary>The position ids are damaged; they are always the same and not needed.</summary>
    PositionIdsDamaged,

    /// <summary>The file has tensors that do not belong to any part of the model.</summary>
    ExtraTensors,

    /// <summary>What the model predicts, read from the file or assumed.</summary>
    PredictionType,

    /// <summary>The name of the file suggests a distilled model, which its weights cannot show.</summary>
    Distilled,
}

/// <summary>A finding about a file.</summary>
/// <param name="Kind">What it is about.</param>
/// <param name="Text">The finding in words.</param>
internal sealed record CheckpointFinding(CheckpointFindingKind Kind, string Text)
{
    /// <summary>The finding in words, in a form that is safe to show: names of tensors may be anything.</summary>
    public string Text { get; } = PrintableText.Of(Text);
}
