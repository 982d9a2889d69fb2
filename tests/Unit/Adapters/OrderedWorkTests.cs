using System.Collections.Concurrent;
using StableDiffusion.Adapters;

namespace StableDiffusion.Tests.Adapters;

/// <summary>Work on several threads that ends as it would on one.</summary>
public sealed class OrderedWorkTests
{
    private static readonly int[] s_items = [.. Enumerable.Range(0, 50)];

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(100)]
    public void Each_item_is_worked_on_once_and_no_more_at_a_time_than_asked(int threads)
    {
        ConcurrentBag<int> done = [];
        int active = 0, most = 0;
        OrderedWork.Run(
            s_items, threads,
            item =>
            {
                int now = Interlocked.Increment(ref active);
                lock (done)
                    most = Math.Max(most, now);
                done.Add(item);
                Thread.Yield();
                Interlocked.Decrement(ref active);
            },
            TestContext.Current.CancellationToken);
        Assert.Equal(s_items, done.Order());
        Assert.InRange(most, 1, threads);
    }

    [Fact]
    public void Without_items_nothing_is_done() => OrderedWork.Run<int>([], 2, static _ => Assert.Fail(), TestContext.Current.CancellationToken);

    [Fact]
    public void After_an_error_no_later_item_is_begun()
    {
        List<int> begun = [];
        AdapterInvalidException error = Assert.Throws<AdapterInvalidException>(() => OrderedWork.Run(
            s_items, 1,
            item =>
            {
                begun.Add(item);
                if (item >= 2)
                    throw new AdapterInvalidException($"{item}");
            },
            TestContext.Current.CancellationToken));
        Assert.Equal("2", error.Message);
        Assert.Equal([0, 1, 2], begun);
    }

    /// <summary>The item that fails first in time need not be the first in order.</summary>
    /// <param name="last">The item that waits for the failure of the other.</param>
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void The_error_is_that_of_the_first_item_whichever_fails_first(int last)
    {
        using ManualResetEventSlim begunLast = new(), failed = new();
        ConcurrentBag<int> begun = [];
        AdapterInvalidException error = Assert.Throws<AdapterInvalidException>(() => OrderedWork.Run(
            s_items, 2,
            item =>
            {
                begun.Add(item);
                if (item == last)
                    begunLast.Set();
                (item == last ? failed : begunLast).Wait(TestContext.Current.CancellationToken);
                try
                {
                    throw new AdapterInvalidException($"{item}");
                }
                finally
                {
                    failed.Set();
                }
            },
            TestContext.Current.CancellationToken));
        Assert.Equal("0", error.Message);
        Assert.Equal([0, 1], begun.Order());
    }

    [Fact]
    public void Cancelling_ends_the_work_on_all_threads_and_begins_no_more()
    {
        using CancellationTokenSource cancelled = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        ConcurrentBag<int> begun = [];
        Assert.ThrowsAny<OperationCanceledException>(() => OrderedWork.Run(
            s_items, 2,
            item =>
            {
                begun.Add(item);
                if (item == 1)
                    cancelled.Cancel();
                cancelled.Token.WaitHandle.WaitOne();
                cancelled.Token.ThrowIfCancellationRequested();
            },
            cancelled.Token));
        Assert.Equal([0, 1], begun.Order());
    }
}
