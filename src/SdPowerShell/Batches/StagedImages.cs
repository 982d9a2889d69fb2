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

/// <summary>Images that wait to be made stage by stage, or in batches on the device.</summary>
/// <param name="command">The cmdlet that makes them.</param>
/// <param name="progress">The progress of the batch.</param>
internal sealed class StagedImages(NewDiffusionImageCommand command, BatchProgress progress)
{
    // Embeddings, latents and images to start from are kept until their stage.
    private const int Most = 100;
    private const long MostBytes = 256L << 20;

    private readonly List<StagedImage> _images = [];

    /// <summary>Whether no image waits.</summary>
    public bool IsEmpty => _images.Count == 0;

    /// <summary>Whether as many wait as may.</summary>
    public bool IsFull => _images.Count >= Most || _images.Sum(static image => image.Bytes) >= MostBytes;

    /// <summary>Adds an image behind those that wait.</summary>
    /// <param name="image">The image.</param>
    public void Add(StagedImage image) => _images.Add(image);

    /// <summary>Makes the images that wait if one of them is to be a file that another image needs, which may be an old one still.</summary>
    /// <param name="files">The full paths of the files.</param>
    public void MakeFiles(IEnumerable<string> files)
    {
        if (_images.Count > 0 && files.Any(file => _images.Exists(image => image.Target?.Path == file)))
            Make();
    }

    /// <summary>Makes the images that wait, stage by stage: with StageMajor all of them, otherwise as many at a time as a batch on the device has.</summary>
    /// <param name="isLast">Whether those are made too that are fewer than a batch.</param>
    public void Make(bool isLast = true)
    {
        (InputRecord? input, string? subject, string device, SwitchParameter noMetadata, string? model) = (command.Input, command.Subject, command.Device, command.NoMetadata, command.ModelInUse);
        foreach (StagedImage[] images in _images.Chunk(command.StageMajor ? int.MaxValue : command.BatchOnDevice).ToArray())
        {
            if (isLast || images.Length == command.BatchOnDevice)
            {
                Make(images);
                _images.RemoveRange(0, images.Length);
            }
        }

        (command.Input, command.Subject, command.Device, command.NoMetadata, command.ModelInUse) = (input, subject, device, noMetadata, model);
    }

    /// <remarks>
    /// As without stages, an error ends the request of its image alone; with batches on the device, from its denoising on its
    /// image alone. With batches, an error is kept until its image would be decoded, so that errors come in the order of the images.
    /// </remarks>
    private void Make(StagedImage[] images)
    {
        bool isBatch = command.BatchOnDevice > 1;
        RunStage((image, pipeline, stages) => image.Job.Encode(pipeline, stages, command.CancellationToken), keepsErrors: isBatch);
        if (isBatch)
        {
            RunStage((image, pipeline, stages) => image.Denoising = image.Job.Prepare(pipeline, image.Index, stages, command.CancellationToken), keepsErrors: true);
            foreach (IGrouping<(string?, string, AdapterSet), StagedImage> group in images.Where(static image => image is { HasFailed: false, Denoising: not null }).GroupBy(static image => (image.Model, image.Device, image.Adapters)))
                DenoiseTogether([.. group]);
            RunStage((image, pipeline, stages) => image.Latent = image.Job.Enlarge(pipeline, image.Index, image.Latent!, stages, command.CancellationToken), keepsErrors: true);
        }
        else
        {
            RunStage((image, pipeline, stages) =>
            {
                progress.Start();
                image.Latent = image.Job.Denoise(pipeline, image.Index, stages, command.CancellationToken);
                progress.Finish();
            });
        }

        RunStage(
            (image, pipeline, stages) =>
            {
                long begun = Stopwatch.GetTimestamp();
                DiffusionImage made = image.Job.Decode(pipeline, image.Latent!, stages, command.CancellationToken);
                command.Finish(made, image.Target, image.Output, image.Time + Stopwatch.GetElapsedTime(begun), image.Claim);
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

                bool isDone = command.ProcessOne(image.Options.Prompt, () => Run(image, run, keepsErrors));
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
                UseModelOf(image, pipeline => run(image, pipeline, new ImageStages(command, image.Options, progress, command.Claims.CheckpointOf(image.Target?.Path)) { Claim = image.Claim }));
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
            foreach (StagedImage other in _images.Where(other => other == image ? !isKept : other.Job == image.Job && other.Denoising is null))
            {
                other.HasFailed = true;
                other.Claim?.Dispose();
            }
        }
    }

    /// <summary>Denoises images of one model in batches on the device.</summary>
    private void DenoiseTogether(StagedImage[] images)
    {
        Begin(images[0]);
        bool isDone = command.ProcessOne(images[0].Options.Prompt, () => UseModelOf(images[0], pipeline =>
        {
            using DeviceBatches batches = pipeline.Divide([.. images.Select(static image => image.Denoising!)], command.BatchOnDevice, job => Begin(images[job]), command.CancellationToken);
            foreach (DeviceBatch batch in batches.All)
            {
                StagedImage first = images[batch.Jobs[0]];
                Begin(first);
                ImageStages stages = new(command, first.Options, progress) { Count = batch.Jobs.Count };
                progress.Start(batch.Jobs.Count);
                long begun = Stopwatch.GetTimestamp();
                foreach (DenoiseResult result in stages.Run(Stage.Denoising, () => batch.Run(stages.OnStep)))
                    (images[result.Job].Latent, images[result.Job].Error) = (result.Latent, result.Error);
                foreach (int job in batch.Jobs)
                    images[job].Time += Stopwatch.GetElapsedTime(begun) / batch.Jobs.Count;
                progress.Finish();
                if (first.Latent is Latent latent)
                    command.ReportControlImages(first.Options, latent);
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
        image.Adapters);

    /// <summary>Sets what the record of an image that waits said.</summary>
    private void Begin(StagedImage image) => (command.Input, command.Subject, command.Device, command.NoMetadata, command.ModelInUse) = (image.Input, image.Subject, image.Device, image.NoMetadata, image.Model);
}
