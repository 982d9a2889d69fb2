using StableDiffusion.Storage;

namespace StableDiffusion.Tests.Storage;

public sealed class TemporaryFileTests : IDisposable
{
    // Above the highest id of a process on any system.
    private const int NoProcess = int.MaxValue;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void What_a_killed_process_left_is_deleted_by_the_next_write_to_the_folder()
    {
        string left = Write(TemporaryFile.NewIn(_folder.Path, NoProcess));

        AtomicWriter.WriteFile(_folder["image.png"], stream => stream.WriteByte(1));

        Assert.False(File.Exists(left));
        Assert.Equal([_folder["image.png"]], Directory.GetFiles(_folder.Path));
    }

    [Fact]
    public void A_folder_is_searched_once_by_a_process()
    {
        TemporaryFile.SweepOnce(_folder.Path);
        string left = Write(TemporaryFile.NewIn(_folder.Path, NoProcess));

        TemporaryFile.SweepOnce(_folder.Path);

        Assert.True(File.Exists(left));
    }

    [Fact]
    public void The_files_of_running_processes_and_of_other_programs_stay()
    {
        string own = TemporaryFile.NewIn(_folder.Path);
        string[] files = [own, own.Replace(Path.GetFileName(own)[17..25], "00000000", StringComparison.Ordinal), _folder[$".{Guid.NewGuid():N}.tmp"], _folder[".stablediffusion-notes.tmp"], _folder[$".stablediffusion-00000000-{NoProcess}-name.tmp"]];
        foreach (string file in files)
            Write(file);
        string locked = TemporaryFile.NewIn(_folder.Path, NoProcess);
        using FileStream writer = new(locked, FileMode.CreateNew, FileAccess.Write, FileShare.None);

        TemporaryFile.Sweep(_folder.Path);

        Assert.Equal([.. files.Append(locked).Order(StringComparer.Ordinal)], Directory.GetFiles(_folder.Path).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_file_of_another_computer_is_deleted_after_a_day()
    {
        string file = TemporaryFile.NewIn(_folder.Path, NoProcess);
        string other = Write(file.Replace(Path.GetFileName(file)[17..25], "00000000", StringComparison.Ordinal));
        TemporaryFile.Sweep(_folder.Path);
        Assert.True(File.Exists(other));

        File.SetLastWriteTimeUtc(other, DateTime.UtcNow.AddDays(-2));
        TemporaryFile.Sweep(_folder.Path);

        Assert.False(File.Exists(other));
    }

    [Fact]
    public void A_name_that_no_system_takes_is_refused_before_anything_is_written()
    {
        OutputFile.Check(_folder[new string('a', 255)], overwrite: false);

        OutputWriteException error = Assert.Throws<OutputWriteException>(() => OutputFile.Check(_folder[new string('a', 1_000_000)], overwrite: false));

        Assert.InRange(error.Message.Length, 1, 1000);
    }

    private static string Write(string path)
    {
        File.WriteAllText(path, "half");
        return path;
    }
}
