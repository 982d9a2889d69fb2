using System.Diagnostics;
using StableDiffusion.Batches.Claims;
using StableDiffusion.Storage;

namespace StableDiffusion.Tests.Batches.Claims;

public sealed class ClaimTests : IDisposable
{
    private static readonly TimeSpan s_long = TimeSpan.FromHours(1);

    private readonly TemporaryFolder _folder = new();
    private readonly ClaimKeeper _keeper = new(s_long);
    private readonly ClaimKeeper _other = new(s_long);

    private string Image => _folder["a.png"];

    private string ClaimPath => ClaimFile.PathOf(Image);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _keeper.Dispose();
        _other.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void One_has_it_until_it_is_given_back()
    {
        Claim claim = Take(_keeper)!;
        Assert.True(claim.Renew());
        Assert.Null(_other.TryTake(Image, out ClaimOwner? owner, Cancellation));
        Assert.Equal((Environment.MachineName, Environment.ProcessId), (owner!.Host, owner.Process));
        Assert.Contains($"process {Environment.ProcessId} on ", owner.ToString(), StringComparison.Ordinal);

        claim.Dispose();
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.Path));
        Assert.NotNull(Take(_other));
        Assert.False(claim.Renew());
        claim.Dispose();
        Assert.True(File.Exists(ClaimPath));
    }

    [Fact]
    public void Nothing_is_written_through_a_link_and_a_pipe_is_not_waited_for()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Links and pipes of Unix.");
        string key = _folder["key"];
        File.WriteAllText(key, "-----BEGIN KEY-----");
        File.CreateSymbolicLink(ClaimPath, key);
        Assert.ThrowsAny<DiffusionException>(() => Take(_keeper));
        _keeper.Sweep(Image);
        Assert.Equal("-----BEGIN KEY-----", File.ReadAllText(key));
        File.Delete(ClaimPath);

        Claim claim = Take(_keeper)!;
        File.Delete(ClaimPath);
        using Process pipe = Process.Start("mkfifo", ClaimPath);
        pipe.WaitForExit();
        claim.Renew();
        claim.Dispose();
        Assert.True(File.Exists(ClaimPath));
    }

    [Fact]
    public void All_are_given_back_at_the_end()
    {
        Assert.NotNull(Take(_keeper));
        Assert.NotNull(_keeper.TryTake(_folder["b.png"], out _, Cancellation));
        _keeper.Dispose();
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void That_of_an_ended_process_is_taken_over_at_once_and_that_of_another_computer_when_it_is_old()
    {
        ClaimOwner own = ClaimOwner.New();
        File.WriteAllBytes(ClaimPath, (own with { Id = "a", Start = "1" }).Write());
        Assert.NotNull(_keeper.TryTake(Image, out ClaimOwner? ended, Cancellation));
        Assert.Equal("a", ended!.Id);
        _keeper.Dispose();

        ClaimOwner[] elsewhere = [own with { Host = "elsewhere", Start = "1" }, own with { Space = "another boot", Start = "1" }, own];
        foreach (ClaimOwner owner in elsewhere)
        {
            File.WriteAllBytes(ClaimPath, owner.Write());
            Assert.Null(Take(_other));
            Age(s_long - TimeSpan.FromMinutes(1));
            Assert.Null(Take(_other));
            Age(s_long + TimeSpan.FromMinutes(1));
            using Claim? claim = Take(_other);
            Assert.NotNull(claim);
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("{\"id\":\"")]
    [InlineData("{}")]
    [InlineData("x")]
    public void A_torn_one_is_dead_when_it_is_old(string content)
    {
        File.WriteAllText(ClaimPath, content);
        Assert.Null(Take(_keeper));
        Age(s_long + TimeSpan.FromMinutes(1));
        Assert.NotNull(Take(_keeper));
    }

    [Fact]
    public void One_whose_removal_was_not_completed_is_dead_at_once()
    {
        File.WriteAllText(ClaimPath, "-0123456789");
        Assert.NotNull(Take(_keeper));
    }

    [Fact]
    public void An_owner_that_was_suspended_finds_that_another_one_has_it()
    {
        Claim claim = Take(_keeper)!;
        Age(2 * s_long);
        Assert.NotNull(Take(_other));
        Assert.False(claim.Renew());
        Assert.True(claim.IsLost);
        claim.Dispose();
        Assert.True(File.Exists(ClaimPath));
    }

    [Fact]
    public async Task It_is_touched_from_time_to_time()
    {
        using ClaimKeeper quick = new(TimeSpan.FromMilliseconds(50));
        Claim claim = Take(quick)!;
        Age(s_long);
        DateTime old = File.GetLastWriteTimeUtc(ClaimPath);
        while (File.GetLastWriteTimeUtc(ClaimPath) == old)
            await Task.Delay(5, Cancellation);
        Assert.False(claim.IsLost);

        _folder.Dispose();
        Directory.CreateDirectory(_folder.Path);
        while (!claim.IsLost)
            await Task.Delay(5, Cancellation);
    }

    [Fact]
    public void Removing_needs_what_was_read()
    {
        ClaimOwner own = ClaimOwner.New();
        File.WriteAllBytes(ClaimPath, own.Write());
        DateTime time = File.GetLastWriteTimeUtc(ClaimPath);
        Assert.False(ClaimFile.TryRemove(ClaimPath, (own with { Id = "another" }).Write()));
        Assert.False(ClaimFile.TryRemove(ClaimPath, own.Write(), time.AddSeconds(1)));
        Assert.True(File.Exists(ClaimPath));
        Assert.True(ClaimFile.TryRemove(ClaimPath, own.Write(), time));
        Assert.False(ClaimFile.TryRemove(ClaimPath, own.Write(), time));
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void Of_many_that_take_over_and_give_back_at_once_one_has_it()
    {
        const int Takers = 8, Rounds = 60;
        int holders = 0, most = 0, taken = 0;
        ClaimOwner own = ClaimOwner.New();
        Parallel.For(0, Takers, new ParallelOptions { MaxDegreeOfParallelism = Takers }, taker =>
        {
            using ClaimKeeper keeper = new(s_long);
            for (int round = 0; round < Rounds; round++)
            {
                if (keeper.TryTake(Image, out _, Cancellation) is not Claim claim)
                    continue;
                Interlocked.Increment(ref taken);
                int now = Interlocked.Increment(ref holders);
                InterlockedMax(ref most, now);
                Thread.Yield();
                Assert.True(claim.Renew());
                Interlocked.Decrement(ref holders);
                claim.Dispose();

                // As a process that was killed would leave it.
                if (round % 3 == 0)
                    ClaimFile.TryCreate(ClaimPath, (own with { Id = $"{taker}-{round}", Start = "1" }).Write());
            }
        });

        Assert.Equal(1, most);
        Assert.InRange(taken, 1, Takers * Rounds);
        _keeper.Sweep(Image);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void What_an_ended_process_left_on_a_finished_image_is_swept_and_nothing_else()
    {
        ClaimOwner own = ClaimOwner.New();
        File.WriteAllBytes(ClaimPath, own.Write());
        _keeper.Sweep(Image);
        Assert.True(File.Exists(ClaimPath));
        File.WriteAllBytes(ClaimPath, (own with { Start = "1" }).Write());
        _keeper.Sweep(Image);
        Assert.False(File.Exists(ClaimPath));
    }

    [Fact]
    public void A_folder_that_cannot_be_written_to_is_named()
    {
        Directory.CreateDirectory(ClaimPath);
        OutputWriteException error = Assert.Throws<OutputWriteException>(() => Take(_keeper));
        Assert.Contains(ClaimPath, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_owner_is_read_as_it_was_written()
    {
        ClaimOwner owner = ClaimOwner.New() with { Job = "Slurm 12_3" };
        Assert.Equal(owner, ClaimOwner.Read(owner.Write()));
        Assert.Equal((byte)'\n', owner.Write()[^1]);
        Assert.Null(ClaimOwner.Read((owner with { Job = new string('x', 301) }).Write()));
        Assert.Null(ClaimOwner.Read([.. owner.Write(), .. new byte[ClaimOwner.Longest]]));
        Assert.Null(ClaimOwner.Read("null"u8));
        Assert.False(owner.HasEnded);
    }

    [Fact]
    public void A_process_is_known_by_its_start()
    {
        string start = RunningProcess.StartOf(Environment.ProcessId)!;
        Assert.NotEmpty(start);
        Assert.False(RunningProcess.HasEnded(Environment.ProcessId, start));
        Assert.False(RunningProcess.HasEnded(Environment.ProcessId, string.Empty));
        Assert.True(RunningProcess.HasEnded(Environment.ProcessId, start + "1"));
        Assert.True(RunningProcess.HasEnded(int.MaxValue, start));
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Other systems have no such program.");
        using Process process = Process.Start("sleep", "100");
        string other = RunningProcess.StartOf(process.Id)!;
        Assert.False(RunningProcess.HasEnded(process.Id, other));
        process.Kill();
        process.WaitForExit();
        Assert.True(RunningProcess.HasEnded(process.Id, other));
    }

    private Claim? Take(ClaimKeeper keeper) => keeper.TryTake(Image, out _, Cancellation);

    private void Age(TimeSpan age) => File.SetLastWriteTimeUtc(ClaimPath, DateTime.UtcNow - age);

    private static void InterlockedMax(ref int most, int value)
    {
        for (int seen = most; value > seen && Interlocked.CompareExchange(ref most, value, seen) != seen; seen = most)
        {
        }
    }
}
