using StableDiffusion.Storage;

namespace StableDiffusion.Tests.Storage;

public sealed class BuildCacheTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Space_is_asked_for_only_if_the_disk_is_full()
    {
        int full = OperatingSystem.IsWindows() ? unchecked((int)0x80070070) : 28;
        Assert.Contains("Free some space there, or choose another folder for the cache.", Fails(_folder["graphs"], new IOException("No space.", full)), StringComparison.Ordinal);
        Assert.Contains("Make sure that the folder is writable, or choose another folder for the cache.", Fails(_folder["graphs"], new UnauthorizedAccessException("No.")), StringComparison.Ordinal);

        // Neither is a place below a file one for a folder, as one behind a link that leads nowhere.
        File.WriteAllText(_folder["file"], "");
        Assert.Contains("Make sure that the folder is writable", Fails(_folder["file", "graphs"], new IOException("It is not written to.")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_folder_that_another_process_deletes_at_the_same_time_is_no_error()
    {
        for (int round = 0; round < 20; round++)
        {
            BuildCache cache = new(_folder["graphs"]);
            for (int i = 0; i < 200; i++)
                File.WriteAllText(Path.Combine(Directory.CreateDirectory(Path.Combine(cache.HashFolder, $"{i / 10}")).FullName, $"{i}.json"), "{}");

            using Barrier barrier = new(2);
            Task[] tasks = [.. Enumerable.Range(0, 2).Select(_ => Task.Factory.StartNew(Delete, TestContext.Current.CancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default))];
            await Task.WhenAll(tasks);
            Assert.False(Directory.Exists(cache.HashFolder));

            void Delete()
            {
                barrier.SignalAndWait(TestContext.Current.CancellationToken);
                AtomicWriter.DeleteFolder(cache.HashFolder);
                cache.Sweep();
            }
        }
    }

    [Fact]
    public void What_can_be_deleted_is_measured_and_what_is_in_use_is_not()
    {
        BuildCache cache = new(_folder["graphs"]);
        Assert.Equal(0, cache.MeasureUnused(TestContext.Current.CancellationToken));
        long length = Directory.EnumerateFiles(cache.Add("built", static folder => File.WriteAllBytes(Path.Combine(folder, "a"), new byte[1000]))).Sum(static file => new FileInfo(file).Length);
        File.WriteAllBytes(Path.Combine(Directory.CreateDirectory(_folder["graphs", ".building-killed"]).FullName, "half"), new byte[500]);
        Assert.Equal(length + 500, Measure());
        Assert.InRange(length, 1001, 1500);

        using (cache.Rent("built", TestContext.Current.CancellationToken))
        using (FolderLock.TryOwn(_folder["graphs", ".building-killed"]))
            Assert.Equal(0, Measure());
        Assert.Equal(length + 500, Measure());
        cache.Borrow(
            static folder => File.WriteAllBytes(Path.Combine(folder, "half"), new byte[100]),
            _ =>
            {
                // The sweep before it has deleted what the killed one left: its lock shows that nobody has it.
                Assert.Equal(length, Measure());
                return true;
            });

        long Measure() => cache.MeasureUnused(TestContext.Current.CancellationToken);
    }

    private static string Fails(string root, Exception error) =>
        Assert.Throws<OutputWriteException>(() => new BuildCache(root).Borrow(_ => throw error, static _ => true)).Message;
}
