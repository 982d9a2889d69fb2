namespace StableDiffusion.Batches.Bills;

/// <summary>What the images of a table will take, counted before one is made.</summary>
public sealed record BatchBill
{
    /// <summary>The number of rows, those that cannot be read among them.</summary>
    public required int Rows { get; init; }

    /// <summary>The number of images that the rows ask for: those to make, those that an earlier run made, and those that cannot be made.</summary>
    public required int Images { get; init; }

    /// <summary>The number of images to make.</summary>
    public required int ToMake { get; init; }

    /// <summary>The number of images that an earlier run made.</summary>
    public required int Unchanged { get; init; }

    /// <summary>The number of images of failing rows that would not be there.</summary>
    public required int Failed { get; init; }

    /// <summary>The rows whose images would not all be made, each with its first error.</summary>
    public required IReadOnlyList<FailingRow> Failing { get; init; }

    /// <summary>
    /// The predictions of the U-Net, each of one latent or of one window of it: with guidance there are two in a step. Those of regions
    /// that are painted anew are not counted.
    /// </summary>
    public required long UNetCalls { get; init; }

    /// <summary>How long the images take that there is a history for; null if there is none for any of them.</summary>
    public required TimeSpan? Time { get; init; }

    /// <summary>How many images to make have no history: no journal tells how long an image of their model, device and size takes.</summary>
    public required int ImagesWithoutHistory { get; init; }

    /// <summary>
    /// The most memory that a process needs that makes the images, in bytes: the program itself, ONNX Runtime, the weights of all models
    /// that it uses, and the stages of the largest image. An estimate for the processor.
    /// </summary>
    public required long PeakMemory { get; init; }

    /// <summary>The size of the files to write, in bytes: by those of the journals, or at most.</summary>
    public required long Disk { get; init; }

    /// <summary>Whether <see cref="Disk"/> is the most that the files can have, since no journal tells of files of their kind.</summary>
    public required bool IsDiskBound { get; init; }

    /// <summary>The free bytes on the disk of the first file to write; null if there is none, or it is not known.</summary>
    public required long? DiskFree { get; init; }

    /// <summary>The models that images are made with, in the order of their first images.</summary>
    public required IReadOnlyList<BilledModel> Models { get; init; }

    /// <summary><see cref="Time"/> in seconds; null if that is.</summary>
    public double? Seconds => Time?.TotalSeconds;

    /// <summary>The bill in words.</summary>
    /// <returns>The numbers of rows and images.</returns>
    public override string ToString() => $"{Rows} rows, {Images} images: {ToMake} to make, {Unchanged} unchanged, {Failed} of rows that fail";
}
