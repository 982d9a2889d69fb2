using SdPowerShell.Parameters;
using SdPowerShell.Records;
using StableDiffusion;
using StableDiffusion.Batches.Claims;
using StableDiffusion.Denoising;
using StableDiffusion.Images;
using StableDiffusion.Pipelines;

namespace SdPowerShell.Batches;

/// <summary>An image that waits for its next stage, with what its record said.</summary>
internal sealed class StagedImage
{
    /// <summary>The record; null if the parameters give all.</summary>
    public required InputRecord? Input { get; init; }

    /// <summary>The subject of its errors and warnings.</summary>
    public required string? Subject { get; init; }

    /// <summary>The model; null for the one that ships with the module.</summary>
    public required string? Model { get; init; }

    /// <summary>The device, as it was given.</summary>
    public required string Device { get; init; }

    /// <summary>Whether it is written without metadata.</summary>
    public required bool NoMetadata { get; init; }

    /// <summary>The request that it is an image of.</summary>
    public required PromptRequest Request { get; init; }

    /// <summary>Its index in the request.</summary>
    public required int Index { get; init; }

    /// <summary>The file to write; null for none.</summary>
    public required OutputTarget? Target { get; init; }

    /// <summary>Its place among the outputs, if it is made in another order than that of the records; otherwise null.</summary>
    public OutputTurn? Turn { get; set; }

    /// <summary>The image, if an earlier run made it, so that it waits only for those before it; null if it is to be made.</summary>
    public DiffusionImage? Unchanged { get; init; }

    /// <summary>The claim of its file; null if images are not claimed.</summary>
    public Claim? Claim { get; init; }

    /// <summary>What to do with it if another process takes it over; null if images are not claimed.</summary>
    public ClaimedImage? Again { get; init; }

    /// <summary>How long its stages have taken.</summary>
    public TimeSpan Time { get; set; }

    /// <summary>What is to be denoised in a batch on the device; null until it is known, or without batches.</summary>
    public DenoiseJob? Denoising { get; set; }

    /// <summary>The latent, once it is denoised.</summary>
    public Latent? Latent { get; set; }

    /// <summary>Why it was not denoised in its batch; null if it was.</summary>
    public DiffusionException? Error { get; set; }

    /// <summary>Whether an error of it was written.</summary>
    public bool HasFailed { get; set; }
}
