using System.Text;
using StableDiffusion.Storage;

namespace StableDiffusion.Batches.Jobs;

/// <summary>The folder of a job: the table's copy, scripts, logs, journals and what its workers are. It is in the folder of the images.</summary>
internal sealed class JobFolder
{
    /// <summary>The folder, within that of the images, that holds those of the jobs.</summary>
    public const string Root = ".jobs";

    /// <summary>What stands for local workers where runs on a cluster have numbers.</summary>
    public const string LocalRun = "local";

    private const string RecordFile = "job.json";
    private const string StoppedFile = "stopped";
    private const int LongestName = 100;

    private static readonly char[] s_invalid = [.. System.IO.Path.GetInvalidFileNameChars(), '/', '\\'];

    private JobFolder(string path) => Path = path;

    /// <summary>The full path.</summary>
    public string Path { get; }

    /// <summary>The name of the job.</summary>
    public string Name => System.IO.Path.GetFileName(Path);

    /// <summary>The full path of the folder of the images.</summary>
    public string OutDirectory => System.IO.Path.GetDirectoryName(System.IO.Path.GetDirectoryName(Path)) ?? Path;

    /// <summary>The full path of the folder with a journal of each worker.</summary>
    public string Journals => System.IO.Path.Combine(Path, "journals");

    /// <summary>The full path of the folder with the logs.</summary>
    public string Logs => System.IO.Path.Combine(Path, "logs");

    /// <summary>The full path of the folder in which each worker says what process it is.</summary>
    public string Workers => System.IO.Path.Combine(Path, "workers");

    /// <summary>Whether a run of the job was stopped: its workers are not started again.</summary>
    public bool IsStopped => File.Exists(System.IO.Path.Combine(Path, StoppedFile));

    /// <summary>Throws for a name that no job can have.</summary>
    /// <param name="name">The name.</param>
    /// <exception cref="InvalidSettingException">It cannot be the name of a folder, or has letters that cannot be seen.</exception>
    public static void CheckName(string name)
    {
        string? fault = name switch
        {
            _ when string.IsNullOrWhiteSpace(name) => "is empty",
            { Length: > LongestName } => $"has more than {LongestName} characters",
            _ when name.IndexOfAny(s_invalid) is >= 0 and int index => $"has the character '{name[index]}', which cannot be in the name of a folder",
            _ when name.Trim() != name || name[0] == '.' || name[^1] == '.' => "begins or ends with a space or a dot",
            _ when PrintableText.Of(name) != name => "has letters that cannot be seen",
            _ => null,
        };
        if (fault is not null)
            throw new InvalidSettingException("Name", $"The name '{name}' of the job {fault}. Choose another name.");
    }

    /// <summary>The folder of a job that need not exist.</summary>
    /// <param name="outDirectory">The full path of the folder of the images.</param>
    /// <param name="name">The name of the job.</param>
    public static JobFolder Of(string outDirectory, string name) => new(System.IO.Path.Combine(System.IO.Path.TrimEndingDirectorySeparator(outDirectory), Root, name));

    /// <summary>The folder of a job that was found.</summary>
    /// <param name="path">Its full path.</param>
    public static JobFolder At(string path) => new(path);

    /// <summary>The folder of a new job that is named after something, with a number if there is a job of that name.</summary>
    /// <param name="outDirectory">The full path of the folder of the images.</param>
    /// <param name="name">The name to begin with.</param>
    public static JobFolder New(string outDirectory, string name) =>
        Of(outDirectory, FileNames.Unique(System.IO.Path.Combine(System.IO.Path.TrimEndingDirectorySeparator(outDirectory), Root), name));

    /// <summary>Finds the jobs at a path.</summary>
    /// <param name="path">The full path of the folder of a job, or of the folder of its images.</param>
    /// <returns>The folders, in the order of their names.</returns>
    /// <exception cref="JobNotFoundException">There is none.</exception>
    public static IReadOnlyList<JobFolder> Find(string path)
    {
        path = System.IO.Path.TrimEndingDirectorySeparator(path);
        return FindAll(path) is { Count: > 0 } found ? found : throw new JobNotFoundException($"There is no job in '{path}'. Give the folder that the images of a job are written to, or the folder of the job.");
    }

    /// <summary>As <see cref="Find"/>, of a path where there may be no job.</summary>
    /// <inheritdoc cref="Find"/>
    /// <exception cref="JobNotFoundException">The folder cannot be read.</exception>
    public static IReadOnlyList<JobFolder> FindAll(string path)
    {
        path = System.IO.Path.TrimEndingDirectorySeparator(path);
        if (File.Exists(System.IO.Path.Combine(path, RecordFile)))
            return [new JobFolder(path)];
        string root = System.IO.Path.GetFileName(path) == Root ? path : System.IO.Path.Combine(path, Root);
        try
        {
            return Directory.Exists(root)
                ? [.. Directory.EnumerateDirectories(root).Where(static folder => System.IO.Path.GetFileName(folder)[0] != '.' && File.Exists(System.IO.Path.Combine(folder, RecordFile))).Order(StringComparer.Ordinal).Select(static folder => new JobFolder(folder))]
                : [];
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new JobNotFoundException($"The folder '{path}' cannot be read: {Sentence.Of(error)}", error);
        }
    }

    /// <summary>Throws if there is such a job.</summary>
    /// <exception cref="InvalidSettingException">There is one.</exception>
    public void CheckNew()
    {
        if (System.IO.Path.Exists(Path))
            throw new InvalidSettingException("Name", $"There is a job '{Name}' in '{OutDirectory}' already. To go on with it once it has ended, give Force: the images that are there are not made again. Or choose another name.");
    }

    /// <summary>Moves the folder aside, so that a new job can have its name.</summary>
    /// <returns>Puts it back if there is no new job of that name when it is disposed; otherwise the old folder is deleted.</returns>
    /// <exception cref="OutputWriteException">It cannot be moved.</exception>
    public IDisposable SetAside()
    {
        string aside = TemporaryFile.NewIn(System.IO.Path.GetDirectoryName(Path)!);
        try
        {
            Directory.Move(Path, aside);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new OutputWriteException($"The folder '{Path}' of the earlier job cannot be replaced: {Sentence.Of(error)}", error);
        }

        return new Aside(Path, aside);
    }

    /// <summary>Creates the folder with some files, whole or not at all. Of several processes that choose one name, only one succeeds.</summary>
    /// <param name="files">The files: the name, and what writes it.</param>
    /// <exception cref="InvalidSettingException">There is such a job.</exception>
    /// <exception cref="OutputWriteException">It cannot be written. Nothing is left of it.</exception>
    public void Create(IEnumerable<(string Name, Action<Stream> Write)> files)
    {
        CheckNew();
        OutputFile.CreateFolder(Path);
        JobFolder built = new(TemporaryFile.NewIn(System.IO.Path.GetDirectoryName(Path)!));
        try
        {
            foreach (string folder in (string[])[built.Journals, built.Logs, built.Workers])
                OutputFile.CreateFolder(System.IO.Path.Combine(folder, RecordFile));
            foreach ((string name, Action<Stream> write) in files)
                OutputFile.Write(System.IO.Path.Combine(built.Path, name), overwrite: false, write);
            Directory.Move(built.Path, Path);
        }
        catch (IOException error)
        {
            CheckNew();
            throw new OutputWriteException($"The folder '{Path}' cannot be created: {Sentence.Of(error)}", error);
        }
        finally
        {
            built.Delete();
        }
    }

    /// <summary>Deletes the folder, and that of the jobs if it is empty then.</summary>
    public void Delete()
    {
        AtomicWriter.TryDelete(Path);
        try
        {
            Directory.Delete(System.IO.Path.GetDirectoryName(Path)!);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // There are other jobs, or another process was faster.
        }
    }

    /// <summary>Reads the record.</summary>
    /// <exception cref="JobInvalidException">It cannot be read.</exception>
    public JobRecord ReadRecord() => JobRecord.Read(System.IO.Path.Combine(Path, RecordFile));

    /// <summary>Writes the record.</summary>
    /// <exception cref="OutputWriteException">It cannot be written.</exception>
    public void Write(JobRecord record) => OutputFile.Write(System.IO.Path.Combine(Path, RecordFile), overwrite: true, stream => stream.Write(record.Format()));

    /// <summary>Says that the workers of some runs are not to be started again. A run that is started later is another one.</summary>
    /// <param name="runs">The numbers of their array jobs, or <see cref="LocalRun"/>.</param>
    /// <exception cref="OutputWriteException">It cannot be written.</exception>
    public void MarkStopped(IEnumerable<string> runs) => OutputFile.Write(System.IO.Path.Combine(Path, StoppedFile), overwrite: true, stream => stream.Write(Encoding.ASCII.GetBytes(string.Concat(runs.Select(static run => run + "\n")))));

    private sealed class Aside(string path, string aside) : IDisposable
    {
        public void Dispose()
        {
            try
            {
                if (!System.IO.Path.Exists(path))
                    Directory.Move(aside, path);
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                // Another process has made a job of that name.
            }

            AtomicWriter.TryDelete(aside);
        }
    }
}
