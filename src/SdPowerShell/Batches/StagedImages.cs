using System.Management.Automation;
using System.Runtime.ExceptionServices;
using SdPowerShell.Commands;
using SdPowerShell.Progress;
using SdPowerShell.Records;
using StableDiffusion;
using StableDiffusion.Adapters;
using StableDiffusion.Batches.Claims;
using StableDiffusion.Denoising;
using StableDiffusion.Images;
using StableDiffusion.Pipelines;
using Stopwatch = System.Diagnostics.Stopwatch;

namespace SdPowerShell.Batches;

/// <summary>Images that wait to be made stage by stage, in batches on the device, or after others of the same model.</summary>
/// <param name="command">The cmdlet that makes them.</param>
/// <param name="progress">The progress of the batch.</param>
/// <param name="output">What is written, in the order of the records.</param>
internal sealed class StagedImages(NewDiffusionImageCommand command, BatchProgress progress, OrderedOutput output)
{
    // Embeddings, latents and images to start from are kept until their stage.
    private const int Most = 100;
    private const long MostBytes = 256L << 20;

    // Of two images that differ in nothing that is opened or prepared.
    private const int MostLikeness = 4;

    private readonly List<StagedImage> _images = [];
    private PromptRequest? _failed;

    /// <summary>Whether no image waits.</summary>
    public bool IsEmpty => _images.Count == 0;

    /// <summary>Whether as many wait as may. Ahead of its turn, an image is kept until those before it are made.</summary>
    public bool IsFull => LooksAhead
        ? output.Count >= command.MostAhead || _images.Sum(static image => image.Request.Bytes + image.Request.PixelBytes) >= MostBytes
        : _images.Count >= Most || _images.Sum(static image => image.Request.Bytes) >= MostBytes;

    private bool LooksAhead => command.MostAhead > 1;

    /// <summary>Adds an image behind those that wait.</summary>
    /// <param name="image">The image.</param>
    public void Add(StagedImage image)
    {
        if (LooksAhead)
            image.Turn = output.Reserve();
        _images.Add(image);
    }

    /// <summary>Whether an image of a request failed that was looked ahead over, so that the others would fail in the same way.</summary>
    /// <param name="request">The request.</param>
    public bool HasFailed(PromptRequest request) => _failed == request;

    /// <summary>Makes the images for which nothing more is to be waited for, before the next record is read.</summary>
    public void MakeReady()
    {
        bool waits = LooksAhead || command.StageMajor;
        if (!waits || IsFull)
            Make(isLast: waits);
    }

    /// <summary>Makes the images that wait if one of them is to be a file that another image needs, which may be an old one still.</summary>
    /// <param name="files">The full paths of the files.</param>
    public void MakeFiles(IEnumerable<string> files)
    {
        if (_images.Count > 0 && files.Any(file => _images.Exists(image => image.Target?.Path == file)))
            Make();
    }

    /// <summary>
    /// Makes the images that wait, stage by stage: with StageMajor all of them, otherwise as many at a time as a batch on the device
    /// has. Those that are looked ahead over are grouped.
    /// </summary>
    /// <param name="isLast">Whether those are made too that are fewer than a batch.</param>
    public void Make(bool isLast = true)
    {
        (InputRecord? input, string? subject, string device, SwitchParameter noMetadata, string? model) = (command.Input, command.Subject, command.Device, command.NoMetadata, command.ModelInUse);
        if (LooksAhead)
            MakeGroups();
        foreach (StagedImage[] images in _images.Chunk(command.StageMajor ? int.MaxValue : command.MostAtOnce).ToArray())
        {
            if (isLast || images.Length == command.MostAtOnce)
            {
                Make(images);
                _images.RemoveRange(0, images.Length);
            }
        }

        (command.Input, command.Subject, command.Device, command.NoMetadata, command.ModelInUse) = (input, subject, device, noMetadata, model);
    }

    /// <summary>Makes the images that wait, those of one model, LoRAs, VAE, size and number of steps one after another, and writes each when all before it are made.</summary>
    private void MakeGroups()
    {
        int most = command.StageMajor ? int.MaxValue : command.MostAtOnce;
        StagedImage? last = null;
        while (_images.Count > 0 && !command.CancellationToken.IsCancellationRequested)
        {
            StagedImage next = last is null ? _images[0] : _images.MaxBy(image => Likeness(image, last))!;
            StagedImage[] images = [.. _images.Where(image => Likeness(image, next) == MostLikeness).Take(most)];
            Make(images);
            output.Current = null;
            foreach (StagedImage image in images)
            {
                _images.Remove(image);
                image.Turn!.IsDone = true;
            }

            output.Release();
            last = next;
        }
    }

    /// <summary>How little has to be opened or prepared for one image after another, from 0 to <see cref="MostLikeness"/>.</summary>
    private static int Likeness(StagedImage image, StagedImage other) =>
        (image.Model, image.Device) != (other.Model, other.Device) ? 0
        : !image.Request.Adapters.Equals(other.Request.Adapters) ? 1
        : image.Request.Options.Vae != other.Request.Options.Vae ? 2
        : (image.Request.Options.Width, image.Request.Options.Height, image.Request.Options.Steps) != (other.Request.Options.Width, other.Request.Options.Height, other.Request.Options.Steps) ? MostLikeness - 1
        : MostLikeness;

    /// <remarks>
    /// As without stages, an error ends the request of its image alone; with batches on the device, from its denoising on its
    /// image alone. With batches, an error is kept until its image would be decoded, so that errors come in the order of the images.
    /// </remarks>
    private void Make(StagedImage[] images)
    {
        bool isBatch = command.MostAtOnce > 1;
        RunStage((image, pipeline, stages) => image.Request.Job.Encode(pipeline, stages, command.CancellationToken), keepsErrors: isBatch);
        if (isBatch)
        {
            RunStage((image, pipeline, stages) => image.Denoising = image.Request.Job.Prepare(pipeline, image.Index, stages, command.CancellationToken), keepsErrors: true);
            foreach (IGrouping<(string?, string, AdapterSet), StagedImage> group in images.Where(static image => image is { HasFailed: false, Denoising: not null }).GroupBy(static image => (image.Model, image.Device, image.Request.Adapters)))
                DenoiseTogether([.. group]);
            RunStage((image, pipeline, stages) => image.Latent = image.Request.Job.Enlarge(pipeline, image.Index, image.Latent!, stages, command.CancellationToken), keepsErrors: true);
        }
        else
        {
            RunStage((image, pipeline, stages) =>
            {
                progress.Start();
                image.Latent = image.Request.Job.Denoise(pipeline, image.Index, stages, command.CancellationToken);
                progress.Finish();
            });
        }

        RunStage(
            (image, pipeline, stages) =>
            {
                long begun = Stopwatch.GetTimestamp();
                DiffusionImage made = image.Request.Job.Decode(pipeline, image.Latent!, stages, command.CancellationToken);
                command.Finish(made, image.Target, image.Request.Output, image.Time + Stopwatch.GetElapsedTime(begun), image.Claim);
            },
            isLast: true);

        void RunStage(Action<StagedImage, DiffusionPipeline, ImageStages> run, bool keepsErrors = false, bool isLast = false)
        {
            foreach (StagedImage image in images.Where(image => !image.HasFailed && !(keepsErrors && image.Error is not null) && (isLast || image.Unchanged is null) && !command.CancellationToken.IsCancellationRequested))
            {
                Begin(image);
                if (image.Unchanged is not null)
                {
                    command.PassOn(image.Unchanged);
                    continue;
                }

                bool isDone = command.ProcessOne(image.Request.Options.Prompt, () => Run(image, run, keepsErrors));
                if (!isDone || image.Error is not null)
                    Fail(image, isDone);
                if (image.HasFailed)
                    image.Claim?.Dispose();
            }
        }

        void Run(StagedImage image, Action<StagedImage, DiffusionPipeline, ImageStages> run, bool keepsErrors)
        {
            if (image.Error is not null)
                ExceptionDispatchInfo.Throw(image.Error);
            long begun = Stopwatch.GetTimestamp();
            try
            {
                UseModelOf(image, pipeline => run(image, pipeline, new ImageStages(command, image.Request.Options, progress, command.Claims.CheckpointOf(image.Target?.Path)) { Claim = image.Claim }));
            }
            catch (ClaimLostException error)
            {
                image.HasFailed = true;
                command.Claims.Lose(image.Again, error);
            }
            catch (DiffusionException error) when (keepsErrors && error is not WorkInterruptedException)
            {
                image.Error = error;
            }

            image.Time += Stopwatch.GetElapsedTime(begun);
        }

        // Those of the request that are not prepared would fail in the same way.
        void Fail(StagedImage image, bool isKept)
        {
            foreach (StagedImage other in _images.Where(other => other == image ? !isKept : other.Request == image.Request && other.Denoising is null))
            {
                other.HasFailed = true;
                other.Claim?.Dispose();
            }

            if (!isBatch)
                _failed = image.Request;
        }
    }

    /// <summary>Denoises images of one model in batches on the device.</summary>
    private void DenoiseTogether(StagedImage[] images)
    {
        Begin(images[0]);
        bool isDone = command.ProcessOne(images[0].Request.Options.Prompt, () => UseModelOf(images[0], pipeline =>
        {
            using DeviceBatches batches = pipeline.Divide([.. images.Select(static image => image.Denoising!)], command.MostAtOnce, job => Begin(images[job]), command.CancellationToken);
            foreach (DeviceBatch batch in batches.All)
            {
                StagedImage first = images[batch.Jobs[0]];
                Begin(first);
                ImageStages stages = new(command, first.Request.Options, progress) { Count = batch.Jobs.Count };
                progress.Start(batch.Jobs.Count);
                long begun = Stopwatch.GetTimestamp();
                foreach (DenoiseResult result in stages.Run(Stage.Denoising, () => batch.Run(stages.OnStep)))
                    (images[result.Job].Latent, images[result.Job].Error) = (result.Latent, result.Error);
                foreach (int job in batch.Jobs)
                    images[job].Time += Stopwatch.GetElapsedTime(begun) / batch.Jobs.Count;
                progress.Finish();
                if (first.Latent is Latent latent)
                    command.ReportControlImages(first.Request.Options, latent);
            }
        }));
        foreach (StagedImage image in isDone ? [] : images)
        {
            image.HasFailed = true;
            image.Claim?.Dispose();
        }
    }

    /// <summary>Runs stages of the model that the record of an image that waits named.</summary>
    private void UseModelOf(StagedImage image, Action<DiffusionPipeline> use) => command.UseModel(
        command.ChooseModel(image.Model, isNameOnly: false),
        pipeline =>
        {
            use(pipeline);
            return true;
        },
        image.Request.Adapters);

    /// <summary>Sets what the record of an image that waits said.</summary>
    private void Begin(StagedImage image)
    {
        (command.Input, command.Subject, command.Device, command.NoMetadata, command.ModelInUse) = (image.Input, image.Subject, image.Device, image.NoMetadata, image.Model);
        output.Current = image.Turn;
    }
}
