using System.Security.Cryptography;
using SdPowerShell.Scripts;
using StableDiffusion.Images;
using StableDiffusion.Metadata;
using StableDiffusion.Settings;

namespace StableDiffusion.Tests.Replaying;

/// <summary>Images that random compositions of stages made, each with its record as a file holds it and with the script of that record. They are made once.</summary>
public sealed class Compositions : CompositionCase
{
    private const int Count = 500;

    // Every fifth uses the model that ships with the engine, which scripts need not name.
    private const int ThickEvery = 5;

    private readonly Lazy<IReadOnlyList<Composition>> _all;

    public Compositions() => _all = new(() => [.. Make()]);

    /// <summary>All of them, in their order.</summary>
    internal IReadOnlyList<Composition> All => _all.Value;

    /// <summary>The folder with the images that they began with, and the folders of models and adapters.</summary>
    internal TemporaryFolder Store => Folder;

    internal StableDiffusion.Library.ModelLibrary Models => Library;

    internal StableDiffusion.Replaying.StageUse Run => Use;

    /// <summary>The hash of the pixels of an image.</summary>
    internal static string HashOf(DiffusionImage image) => Convert.ToHexString(SHA256.HashData(image.Pixels));

    private IEnumerable<Composition> Make()
    {
        string[] files = WriteStore();
        WriteThinStore();
        for (int number = 0; number < Count; number++)
        {
            Composer composer = new(Library, files, isThin: number % ThickEvery != 0, number, Token);
            DiffusionImage image = composer.Compose();
            string record = GenerationRecord.Write(RecordedNames.Only(image.Info));
            Assert.DoesNotContain(Folder[""], record, StringComparison.Ordinal);
            StageList stages = GenerationRecord.Read(record)!.Stages!;
            yield return new Composition(string.Join("; ", composer.Done), HashOf(image), record, stages, StageScript.Write(stages, "the image"), [.. composer.Read]);
        }
    }

    /// <param name="Description">What was done.</param>
    /// <param name="Hash">The hash of the pixels.</param>
    /// <param name="Record">The record.</param>
    /// <param name="Stages">The stages in the record.</param>
    /// <param name="Script">The script of the stages.</param>
    /// <param name="Files">The files that the stages read.</param>
    internal sealed record Composition(string Description, string Hash, string Record, StageList Stages, string Script, IReadOnlyList<string> Files);
}
