namespace StableDiffusion.Batches.Jobs;

/// <summary>Finds journals in folders: those of the workers of jobs, and those that lie beside images.</summary>
internal static class JournalFiles
{
    private const string Pattern = "*.jsonl";

    /// <summary>The journals of the workers of a job.</summary>
    /// <param name="folder">The folder of the job.</param>
    /// <returns>The full paths, in the order of their names; none if no worker has begun.</returns>
    public static IEnumerable<string> Of(JobFolder folder) => Directory.Exists(folder.Journals) ? FilesOf(folder.Journals) : [];

    /// <summary>The journals at a path.</summary>
    /// <param name="path">The full path of a journal, of the folder of a job, or of a folder with journals or jobs.</param>
    /// <param name="cancellationToken">Cancels the reading.</param>
    /// <returns>The full paths: those in the folder itself come first, those of its jobs follow.</returns>
    /// <exception cref="JournalInvalidException">It is a folder with neither a journal nor a job.</exception>
    public static IReadOnlyList<string> Find(string path, CancellationToken cancellationToken)
    {
        if (!Directory.Exists(path))
            return [path];
        try
        {
            IReadOnlyList<JobFolder> jobs = JobFolder.FindAll(path);
            string[] found = [.. FilesOf(path).Where(file => Journal.IsJournal(file, cancellationToken)), .. jobs.SelectMany(Of)];
            return found.Length > 0 || jobs.Count > 0
                ? found
                : throw new JournalInvalidException($"There is no journal in the folder '{path}'. Give the file of a journal, or the folder of a job or of its images.");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new JournalInvalidException($"The folder '{path}' cannot be read: {Sentence.Of(error)}", error);
        }
    }

    private static IEnumerable<string> FilesOf(string folder) => Directory.EnumerateFiles(folder, Pattern, new EnumerationOptions()).Order(StringComparer.Ordinal);
}
