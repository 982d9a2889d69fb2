using System.Security.Cryptography;
using StableDiffusion.Denoising;
using StableDiffusion.Pipelines;
using StableDiffusion.Pipelines.Checkpoints;
using StableDiffusion.Storage;
using Stopwatch = System.Diagnostics.Stopwatch;

namespace StableDiffusion.Batches.Claims;

/// <summary>The file that keeps the half-done latent of an image, beside the image.</summary>
/// <param name="file">The full path of the image file.</param>
/// <param name="keeps">Whether the state is kept: when a signal comes, and from time to time.</param>
/// <param name="interruption">The signal to end at; null for none.</param>
/// <param name="warn">Receives why a checkpoint was not used, or not written.</param>
/// <param name="note">Receives what was done.</param>
internal sealed class CheckpointFile(string file, bool keeps, Interruption? interruption, Action<string> warn, Action<string> note) : DenoiseCheckpoint
{
    /// <summary>What is behind the name of the image.</summary>
    public const string Ending = ".checkpoint";

    private const long MostBytes = 1L << 30;

    // What a process loses at most that is killed without a signal before.
    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(60);

    private readonly string _path = file + Ending;
    private long _kept = Stopwatch.GetTimestamp();

    /// <summary>Whether the state is kept.</summary>
    public bool Keeps => keeps;

    /// <summary>How often the state is kept without a signal.</summary>
    internal TimeSpan Interval { get; init; } = s_interval;

    /// <summary>Deletes the checkpoint of an image that is finished.</summary>
    /// <param name="file">The full path of the image file.</param>
    public static void Delete(string file)
    {
        if (File.Exists(file + Ending))
            AtomicWriter.TryDelete(file + Ending);
    }

    /// <summary>Writes a latent, behind a hash of all: what a scheduler and a generator remember can be damaged unseen.</summary>
    /// <param name="latent">The latent.</param>
    /// <param name="path">The full path of the file, which is replaced if it exists.</param>
    /// <exception cref="OutputWriteException">It cannot be written.</exception>
    internal static void Write(Latent latent, string path)
    {
        byte[] state = LatentFile.ToState(latent);
        OutputFile.Write(path, overwrite: true, stream =>
        {
            stream.Write(SHA256.HashData(state));
            stream.Write(state);
        });
    }

    /// <summary>Reads a latent. Its record is only to be compared: nothing that it names may be opened.</summary>
    /// <param name="path">The full path of the file.</param>
    /// <param name="mostBytes">The greatest permitted length of what is behind the hash; a longer file is not read.</param>
    /// <exception cref="LatentInvalidException">It cannot be read, is longer, or is damaged.</exception>
    internal static Latent Read(string path, long mostBytes = MostBytes)
    {
        try
        {
            byte[] bytes = RegularFile.ReadAllBytes(path, Math.Min(mostBytes, MostBytes) + SHA256.HashSizeInBytes);
            return bytes.Length > SHA256.HashSizeInBytes && SHA256.HashData(bytes.AsSpan(SHA256.HashSizeInBytes)).AsSpan().SequenceEqual(bytes.AsSpan(0, SHA256.HashSizeInBytes))
                ? LatentFile.FromBytes(bytes[SHA256.HashSizeInBytes..])
                : throw new LatentInvalidException($"'{path}' is truncated or damaged.");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new LatentInvalidException($"'{path}' cannot be read: {Sentence.Of(error)}", error);
        }
    }

    /// <inheritdoc/>
    public override Latent? Find(long mostBytes)
    {
        _kept = Stopwatch.GetTimestamp();
        if (!File.Exists(_path))
            return null;
        try
        {
            Latent latent = Read(_path, mostBytes);
            note($"Going on from step {latent.Step} of {latent.StepCount}, which '{_path}' kept.");
            return latent;
        }
        catch (DiffusionException error)
        {
            warn($"The checkpoint is not used, and the image is made from its start. {Sentence.Of(error)}");
            return null;
        }
    }

    /// <inheritdoc/>
    public override void Refuse() => warn($"The checkpoint '{_path}' is not used, and the image is made from its start: it was made with other settings, inputs, models or versions, or on another kind of device.");

    /// <inheritdoc/>
    public override void Keep(StepProgress step)
    {
        bool isEnd = interruption?.Signal is not null;
        if (!keeps || !step.IsResumable || !(isEnd || Stopwatch.GetElapsedTime(_kept) >= Interval))
            return;
        try
        {
            Write(step.Capture(), _path);
            _kept = Stopwatch.GetTimestamp();
        }
        catch (OutputWriteException error)
        {
            warn($"The checkpoint is not kept. {Sentence.Of(error)}");
            return;
        }

        if (isEnd)
            interruption!.Check($"Step {step.Step} of {step.StepCount} of '{file}' is kept.");
    }
}
