using System.Management.Automation;
using SdPowerShell.Errors;
using SdPowerShell.Records;
using StableDiffusion;
using StableDiffusion.Denoising;
using StableDiffusion.Images;
using StableDiffusion.Metadata;
using StableDiffusion.Settings;
using StableDiffusion.Text;

namespace SdPowerShell.Parameters;

/// <summary>An object that records the stages that made it, or the file of an image, as a user gives it. Anything else is kept and rejected when it is read.</summary>
public sealed class RecordedInput
{
    /// <summary>What can be given.</summary>
    internal const string Choices = "Give an image, its metadata, a latent, an embedding, or the path of an image file. Import-Latent and Import-TextEmbedding read the files of latents and embeddings.";

    /// <summary>Keeps what was given.</summary>
    /// <param name="given">The object, without its PSObject wrapper; the error if it is a copy that cannot be restored.</param>
    internal RecordedInput(object given) => Given = given;

    /// <summary>What was given.</summary>
    internal object Given { get; }

    /// <summary>Its prompt; null if there is none.</summary>
    internal string? Prompt => (Given as GeneratedObject)?.Prompt ?? (Given as TextEmbedding)?.Prompt;

    /// <summary>The name of its file; null if it has none.</summary>
    internal string? File => Given switch
    {
        ImageMetadata { Path.Length: > 0 } read => Path.GetFileName(read.Path),
        DiffusionImage { Path.Length: > 0 } image => Path.GetFileName(image.Path),
        _ => null,
    };

    /// <summary>What it is, as a part of a sentence: the name of the file that was read, or a few words such as <c>the image 'a red car'</c>.</summary>
    internal string Title
    {
        get
        {
            string kind = Given switch
            {
                Latent => "the latent",
                TextEmbedding => "the embedding",
                _ => "the image",
            };
            return File ?? (string.IsNullOrWhiteSpace(Prompt) ? kind : $"{kind} '{InputRecord.Shorten(Prompt)}'");
        }
    }

    /// <summary>The settings with the stages, as a record tells them.</summary>
    /// <exception cref="InvalidSettingException">What was given has no record.</exception>
    /// <exception cref="RecordException">It is a copy that cannot be restored.</exception>
    internal GenerationInfo ReadRecord() => Given switch
    {
        GeneratedObject made => made.Recorded,
        TextEmbedding embedding => new GenerationInfo { Stages = embedding.Stages is null ? null : embedding.Origin() },
        RecordException damaged => throw damaged,
        _ => throw new InvalidSettingException("InputObject", $"InputObject is '{LanguagePrimitives.ConvertTo<string>(Given)}' of type {(Given is PSObject custom ? custom.TypeNames[0] : Given.GetType().FullName)!.Split('.')[^1]}. {Choices}"),
    };
}
